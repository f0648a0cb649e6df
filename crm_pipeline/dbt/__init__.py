"""dbt's four stages as Dagster assets, one `@dbt_assets` each, so that Python stages can stand between them."""
