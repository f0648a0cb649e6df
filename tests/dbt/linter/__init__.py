"""What the SQL linter has in place of macros that return no text: it knows nothing of dbt's `return`."""

from crm_pipeline.raw.dbt_channels import channels

__all__ = ["channels", "moments_of"]


def moments_of(relation: str) -> list[str]:
    return ["occurred_at"]
