"""A channel that nobody has built in: its contract, its staging model and its fact are all that the flow needs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from crm_pipeline.config.settings import PROJECT
from tests.end_to_end import through

INVENTED = Path(__file__).parent / "invented_channel"
LEFT_OUT = shutil.ignore_patterns("target", "logs", "__pycache__")
FILES = {
    "customers.csv": """\
customer id,email,first name,last name,created
1,ann@example.org,Ann,Lee,2023-01-05 10:00:00
2,bob@example.org,Bob,Ray,2023-02-05 10:00:00
""",
    "orders.csv": """\
order id,customer id,ordered at,total
7,1,2024-03-01 12:00:00,20.00
8,2,2024-03-02 12:00:00,30.00
9,2,2024-04-01 12:00:00,40.00
""",
    "bookings.csv": """\
booking no,email,booked at,reminded at,guests
B1,ann@example.org,2024-03-03 18:00:00,2024-03-04 09:00:00,2
B2,cat@example.org,2024-03-05 18:00:00,,4
B3,bob@example.org,2024-03-31 18:00:00,2024-04-01 09:00:00,3
B4,bob@example.org,2024-04-02 18:00:00,,6
""",
}


class Copy:
    """A copy of the project with the channel in it, and a dataset that feeds it."""

    def __init__(self, folder: Path) -> None:
        for part in ("crm_pipeline", "dbt_project"):
            shutil.copytree(PROJECT / part, folder / part, ignore=LEFT_OUT)
        shutil.copytree(PROJECT / "docs", folder / "docs")
        shutil.copytree(INVENTED, folder, dirs_exist_ok=True)
        self.folder, self.dataset = folder, folder / "data" / "inn"
        for name, text in FILES.items():
            path = self.dataset / "landing" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def run(self, *command: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(self.folder), "CRM_DATASET": "inn"}
        given = {name: value for name, value in environment.items() if name not in ("CRM_DATA_ROOT", "CRM_STATE_ROOT")}
        done = subprocess.run(
            [sys.executable, *command], cwd=self.folder, env=given, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Copy:
    made = Copy(tmp_path_factory.mktemp("project"))
    made.run("-m", "crm_pipeline.raw.dbt_sources")
    made.run(str(Path(sys.executable).parent / "crm"), "init", str(made.dataset))
    return made


@pytest.fixture(scope="module")
def built(copy) -> dict[str, str]:
    """How dbt ended with each model and test."""
    return json.loads(copy.run(through.__file__).splitlines()[-1])


@pytest.fixture
def warehouse(copy, built):
    with duckdb.connect(str(copy.folder / "data" / "local" / "inn" / "warehouse.duckdb"), read_only=True) as con:
        yield con


def test_five_files_are_all_that_it_takes():
    added = [path.relative_to(INVENTED) for path in INVENTED.rglob("*") if path.is_file()]
    assert len(added) <= 5
    assert not [path for path in added if (PROJECT / path).exists()]


def test_files_of_it_are_recognised(copy):
    assert "channel: reservations" in (copy.dataset / "pipeline.yml").read_text()


def test_the_documents_list_it(copy):
    line = "| `reservations` | reservation of a table | nobody's visits to the restaurant are known |"
    assert line in (copy.folder / "docs" / "your-data.md").read_text().splitlines()


def test_its_rows_wait_for_their_time(warehouse):
    found = warehouse.sql("select row_count, after_as_of from staging.stg_channel_rows where channel = 'reservations'")
    assert found.fetchall() == [(4, 1)]


def test_its_people_are_known_by_what_they_gave(warehouse):
    found = warehouse.sql(
        """
        select staged.email, people.first_name
        from customer.fct_reservations as facts
        join staging.stg_reservations as staged using (reservation_key)
        join customer.dim_customers as people using (customer_key)
        order by staged.email
        """
    )
    assert found.fetchall() == [("ann@example.org", "Ann"), ("bob@example.org", "Bob"), ("cat@example.org", None)]


def test_its_contacts_stand_in_the_timeline(warehouse):
    found = warehouse.sql(
        "select kind, direction, occurred_on::varchar, contact_channel from customer.fct_touchpoints "
        "where kind like 'reservation%' order by all"
    )
    assert found.fetchall() == [
        ("reservation", "inbound", "2024-03-03", "restaurant"),
        ("reservation", "inbound", "2024-03-05", "restaurant"),
        ("reservation", "inbound", "2024-03-31", "restaurant"),
        ("reservation_reminder", "outbound", "2024-03-04", "restaurant"),
    ]


def test_the_tests_over_all_channels_hold_for_it(copy, built):
    assert set(built.values()) <= {"success", "pass"}
    compiled = copy.folder / "data" / "local" / "inn" / "dbt" / "compiled"
    for name in (
        "assert_no_row_is_lost_between_staging_and_facts",
        "assert_money_and_events_of_channels_are_kept",
        "assert_nothing_is_dated_after_the_as_of_date",
    ):
        assert "stg_reservations" in next(compiled.rglob(f"{name}.sql")).read_text()
