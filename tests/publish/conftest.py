"""A small warehouse with the tables that are published, and personal data that must not be."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.catalogue import Join, Table
from crm_pipeline.publish.serving import ReleaseInfo

_COLUMNS = {
    "customer.dim_customers": "customer_key customer_id first_name last_name email phone birth_date street postal_code "
    "city loyalty_id full_name consent_email",
    "customer.fct_orders": "order_key customer_key ordered_on sales_channel is_counted revenue",
    "marts.customer_360": "customer_key customer_id rfm_segment revenue_12m orders_12m recency_days clv_predicted "
    "churn_probability churn_risk_band trend",
    "marts.kpi_scorecard": "month dimension kpi kpi_group value target trend is_complete status",
    "marts.cohort_retention": "cohort_month month_number customers active retention_rate revenue",
}
PERSONAL = frozenset(
    {"first_name", "last_name", "full_name", "email", "phone", "birth_date", "street", "postal_code", "loyalty_id"}
)
#: Where keys begin that a double cannot hold.
KEYS = 2**53
_TO_PEOPLE = Join("customer_key", "customer.dim_customers", "customer_key")


def _table(label: str) -> Table:
    stage, name = label.split(".")
    columns = {column: f"What {column} is, the till's too." for column in _COLUMNS[label].split()}
    keys = [(key,) for key in ("customer_key", "customer_id") if name in ("dim_customers", "customer_360")]
    return Table(
        stage,
        name,
        f"One row of {name}, the till's too.",
        columns,
        personal=PERSONAL & set(columns),
        keys=tuple(keys or [(next(iter(columns)),)]),
        joins=(_TO_PEOPLE,) if "customer_key" in columns and name != "dim_customers" else (),
    )


@pytest.fixture
def known() -> tuple[Table, ...]:
    """What dbt would say of the tables that are published."""
    return tuple(_table(label) for label in _COLUMNS)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a dataset whose state lies in a temporary folder."""
    return Settings(
        dataset="toy",
        data_root=tmp_path,
        state_root=tmp_path / "state",
        memory_limit="500MB",
        threads=1,
        releases_kept=3,
    )


@pytest.fixture
def build_warehouse(settings: Settings) -> Callable[..., Path]:
    """Write the warehouse; a higher `version` means more orders and revenue."""

    def write(version: int = 1, people: int = 20, reverse: bool = False, noise: float = 0.0) -> Path:
        settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
        settings.warehouse.unlink(missing_ok=True)
        direction = "desc" if reverse else "asc"
        with duckdb.connect(str(settings.warehouse), config={"threads": 1}) as con:
            con.execute(f"""
                create schema staging; create schema customer; create schema features; create schema marts;
                create table staging.stg_customers as select 'secret' || range as email from range({people});
                create table customer.dim_customers as
                select {KEYS} + range as customer_key, 'C' || range as customer_id, 'Firstname' || range as first_name,
                    'Lastname' || range as last_name, 'person' || range || '@mail.example' as email,
                    '+4477009' || lpad(range::varchar, 5, '0') as phone, date '1980-01-01' as birth_date,
                    'Street' || range as street, 'PC' || range as postal_code, 'Town' as city,
                    'L' || range as loyalty_id,
                    'Firstname' || range || ' Lastname' as full_name, true as consent_email
                from range({people}) order by range {direction};
                create table customer.customer_attributes as
                select customer_key, 'email' as attribute, email as attribute_value from customer.dim_customers;
                create table customer.fct_orders as
                select {KEYS} + range as order_key, {KEYS} + range % {people} as customer_key,
                    date '2024-03-01' - (range % 200)::integer as ordered_on, 'web' as sales_channel,
                    range % 10 > 0 as is_counted, (range * {version} + 0.25)::decimal(18, 2) as revenue
                from range(200) order by range {direction};
                create table marts.customer_360 as
                select customer_key, customer_id, 'Champions' as rfm_segment, 10.5::decimal(18, 2) as revenue_12m,
                    3 as orders_12m, 14 as recency_days, 100.123456789 / 3 + {noise} as clv_predicted,
                    0.5::double as churn_probability, 'high' as churn_risk_band, [0.1, 0.2]::double[] as trend
                from customer.dim_customers;
                create table marts.kpi_scorecard as
                select date '2024-02-01' as month, 'all' as dimension, 'revenue' as kpi, 'value' as kpi_group,
                    1.5 as value, null::double as target, 0.1 as trend, true as is_complete, 'no_target' as status;
                create view marts.cohort_retention as
                select date '2024-01-01' as cohort_month, range as month_number, 10 as customers, 5 as active,
                    0.5 as retention_rate, 12.5 as revenue from range(13);
                create table marts.kpi_measures as select 'helper' as of_a_mart;
            """)
        return settings.warehouse

    return write


@pytest.fixture
def release_info(settings: Settings) -> Callable[..., ReleaseInfo]:
    """The release that the warehouse of a version should give."""

    def make(version: int = 1, **changes: object) -> ReleaseInfo:
        values: dict[str, object] = {
            "run_id": f"run-{version}",
            "as_of_date": date(2024, 3, 1),
            "published_at": datetime(2024, 3, 2, 6, 30, tzinfo=UTC),
            "code_version": "0.1.0",
            "people": 20,
            "orders": 180,
            "revenue": Decimal(version * 199 * 100) + Decimal("50.00"),
            "rows_quarantined": 4,
            "checks_passed": 30,
        }
        return ReleaseInfo(**(values | changes))  # type: ignore[arg-type]

    return make
