"""A customer-data pipeline: raw retail files in, one checked customer view in DuckDB out."""

__version__ = "0.1.0"
