"""Harbour & Finch as a whole: people, purchases, two source systems, planted faults, and the truth about all of it."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from crm_pipeline.sample import dirt, records, shop, till
from crm_pipeline.sample.assortment import make_assortment
from crm_pipeline.sample.corrections import correct
from crm_pipeline.sample.people import TASTES, make_people
from crm_pipeline.sample.purchases import Purchases, make_purchases
from crm_pipeline.sample.tables import SourceFile, calendar_dates
from crm_pipeline.sample.write import write_csv, write_source, write_text

LATENT = ["purchase_rate", "dropout_probability", "mean_spend", "return_share", "bargain_hunter", "web_share", *TASTES]
FEWEST_PEOPLE = 100


@dataclass(frozen=True)
class Company:
    """A made company.

    Attributes:
        people: the latent truth, one row per real person.
        purchases: what they really bought.
        files: the landing files, in the order in which each source delivers them.
        records: truth about records: system, kind (customer, guest_order), source_id (a guest order's is its order
            id), person.
        faults: truth about planted dirt: file, line, kind, outcome (quarantined, duplicate, superseded), column.
    """

    people: pd.DataFrame
    purchases: Purchases
    files: list[SourceFile]
    records: pd.DataFrame
    faults: pd.DataFrame


def make_company(people: int, seed: int) -> Company:
    """Make a company with this many real persons; the same number and seed give the same company.

    Raises:
        ValueError: if there are too few people for the shares of every system and fault to come out.
    """
    if people < FEWEST_PEOPLE:
        raise ValueError(f"A sample company needs at least {FEWEST_PEOPLE} people, not {people}.")
    products = make_assortment(_random(seed, "assortment"))
    persons = make_people(people, _random(seed, "people"))
    purchases = make_purchases(persons, products, _random(seed, "purchases"))
    till_files, programme = _till(persons, purchases, products, _random(seed, till.SYSTEM))
    shop_files, shop_records = _shop(persons, purchases, products, programme, _random(seed, shop.SYSTEM))
    files = [*till_files, *shop_files]
    faults = dirt.plant(files, {**till.FAULTS, **shop.FAULTS}, _random(seed, "dirt"))
    members = programme.assign(system=till.SYSTEM, kind="customer")[shop_records.columns]
    return Company(persons, purchases, files, pd.concat([members, shop_records], ignore_index=True), faults)


def write_company(company: Company, folder: Path) -> list[Path]:
    """Write pipeline.yml, the landing files and the truth into a dataset folder; return what was written."""
    mapping = resources.files("crm_pipeline.sample").joinpath("pipeline.yaml").read_text(encoding="utf-8")
    written = [write_text(mapping, folder / "pipeline.yml")]
    written += [write_source(file, folder) for file in company.files]
    written.append(write_csv(company.records, folder / "truth" / "records.csv"))
    written.append(write_csv(_people_truth(company), folder / "truth" / "people.csv"))
    written.append(write_csv(company.faults, folder / "truth" / "dirt.csv"))
    return written


def _random(seed: int, part: str) -> np.random.Generator:
    """Return a stream of its own for each part, so that a further channel changes none of the others."""
    return np.random.default_rng([seed, *part.encode()])


def _till(
    people: pd.DataFrame, purchases: Purchases, products: pd.DataFrame, rng: np.random.Generator
) -> tuple[list[SourceFile], pd.DataFrame]:
    programme = till.members(people, purchases.orders, rng)
    files = till.member_files(programme, records.updates(programme, rng))
    orders = till.attribute(purchases.orders, programme, len(people), rng)
    lines = purchases.lines[purchases.lines["order"].isin(orders["order"])]
    fixed, fixed_lines = correct(orders, lines, rng)
    delivered = till.sales_files(orders.assign(corrected=False), lines, programme, people, products)
    again = till.sales_files(fixed.assign(corrected=True), fixed_lines, programme, people, products)
    return [*files, *_merge(delivered, again), till.article_file(products)], programme


def _shop(
    people: pd.DataFrame,
    purchases: Purchases,
    products: pd.DataFrame,
    programme: pd.DataFrame,
    rng: np.random.Generator,
) -> tuple[list[SourceFile], pd.DataFrame]:
    holders = shop.accounts(people, purchases.orders, programme, rng)
    files = shop.account_files(holders, records.updates(holders, rng))
    orders = shop.attribute(purchases.orders, holders, people, rng)
    lines = purchases.lines[purchases.lines["order"].isin(orders["order"])]
    fixed, fixed_lines = correct(orders, lines, rng)
    delivered = shop.sales_files(orders.assign(corrected=False), lines, holders, products)
    again = shop.sales_files(fixed.assign(corrected=True), fixed_lines, holders, products)
    guests = orders[orders["record"] < 0]
    known = pd.concat(
        [
            holders[["source_id", "person"]].assign(kind="customer"),
            guests[["order_id", "person"]].rename(columns={"order_id": "source_id"}).assign(kind="guest_order"),
        ]
    ).assign(system=shop.SYSTEM)[["system", "kind", "source_id", "person"]]
    return [*files, *_merge(delivered, again), shop.catalogue_file(products)], known


def _merge(*deliveries: tuple[list[SourceFile], list[SourceFile]]) -> list[SourceFile]:
    """Put the corrections between the other files of their source, where their names sort them."""
    files = [file for heads_and_lines in deliveries for group in heads_and_lines for file in group]
    return sorted(files, key=lambda file: (file.source, file.period))


def _people_truth(company: Company) -> pd.DataFrame:
    people = company.people
    truth = people[["person", "household", "in_till", "in_shop"]].copy()
    truth["first_purchase_on"] = calendar_dates(np.floor(people["first_day"]).astype(int))
    truth["alive_at_end"] = company.purchases.alive
    # Six digits are enough to learn from, and the last bits of a float differ between machines.
    return truth.join(people[LATENT].round(6))
