"""Stage 1: landing files become typed Parquet rows; what cannot be read is quarantined with a reason."""
