"""What the company wants to reach: the part `kpis` of pipeline.yml."""

import csv
import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import Field, field_validator

from crm_pipeline.config.errors import suggest
from crm_pipeline.config.service import ServiceSettings
from crm_pipeline.config.settings import PROJECT
from crm_pipeline.config.strict import Strict

_DEFINITIONS = PROJECT / "dbt_project" / "seeds" / "kpi_definitions.csv"
_TARGETS: Mapping[str, float | None] = MappingProxyType(
    {
        "customer_satisfaction": 0.8,
        "ticket_satisfaction": 0.8,
        "resolution_rate": 0.95,
        "reopen_rate": 0.1,
        "unsubscribe_rate": 0.005,
        "discount_share": 0.15,
        "return_rate": 0.1,
        "crm_roi": 0,
        "known_revenue_share": 0.5,
    }
)


class KpiSettings(Strict):
    """The targets of the scorecard."""

    targets: dict[str, float | None] = Field(
        default_factory=lambda: dict(_TARGETS),
        description="KPI -> value to reach; empty: no target. Those that are not named keep theirs.",
    )

    @field_validator("targets", mode="before")
    @classmethod
    def _others_stay(cls, value: Any) -> Any:
        """Let a user name only what differs."""
        return {**_TARGETS, **value} if isinstance(value, dict) else value

    @field_validator("targets")
    @classmethod
    def _are_of_kpis(cls, value: dict[str, float | None]) -> dict[str, float | None]:
        for name in value:
            if name not in kpi_names():
                raise ValueError(f"there is no KPI '{name}'. {suggest(name, kpi_names())}")
        return value


@functools.cache
def kpi_names() -> tuple[str, ...]:
    """Return the names of all KPIs of the scorecard."""
    with _DEFINITIONS.open(encoding="utf-8", newline="") as file:
        return tuple(row["kpi"] for row in csv.DictReader(file))


def kpi_targets(kpis: KpiSettings, service: ServiceSettings) -> dict[str, float]:
    """Return the target of each KPI that has one; the hours of the service are targets unless others are named."""
    found = {**service.model_dump(), **kpis.targets}
    return {name: target for name, target in found.items() if target is not None}
