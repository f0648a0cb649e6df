"""Harbour & Finch as a whole: people and what they do, the systems that write it down, planted faults, the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample import dirt, office, records, shop, till
from crm_pipeline.sample.assortment import make_assortment
from crm_pipeline.sample.campaigns import make_campaigns
from crm_pipeline.sample.channels import MODULES
from crm_pipeline.sample.corrections import correct, late
from crm_pipeline.sample.people import Part, make_people
from crm_pipeline.sample.purchases import Purchases, make_purchases
from crm_pipeline.sample.tables import SourceFile
from crm_pipeline.sample.visits import make_visits
from crm_pipeline.sample.world import World
from crm_pipeline.sample.write import write_source, write_text

FEWEST_PEOPLE = 100
_RECORDS = ["system", "kind", "source_id", "person"]


@dataclass(frozen=True)
class Company:
    """A made company, or a part of one.

    Attributes:
        world: what is true.
        files: the landing files, in the order in which each source delivers them.
        records: truth about records: system, kind (customer, guest_order, or what a channel brings), source_id (a guest
            order's is its order id), person.
        faults: truth about planted dirt: file, line, kind, outcome, column.
    """

    world: World
    files: list[SourceFile]
    records: pd.DataFrame
    faults: pd.DataFrame


@dataclass(frozen=True)
class _System:
    """What a system brings that has records of people: these, its files, and its orders, if it sells."""

    name: str
    holders: pd.DataFrame
    files: list[SourceFile]
    orders: pd.DataFrame | None = None


def make_company(people: int, seed: int, part: Part | None = None) -> Company:
    """Make a company with this many real persons, or a part with this many; the same arguments give the same company.

    Raises:
        ValueError: if there are too few people for the shares of every system and fault to come out.
    """
    if people < FEWEST_PEOPLE:
        raise ValueError(f"A sample company needs at least {FEWEST_PEOPLE} people, not {people}.")
    part = part or Part()

    def random(name: str) -> np.random.Generator:
        """Return a stream of its own for each name, so that a further channel changes none of the others."""
        return np.random.default_rng([seed, part.number, *name.encode()])

    products = make_assortment(np.random.default_rng([seed, *b"assortment"]))
    campaigns = make_campaigns(people * part.of)
    visits = make_visits(make_people(people, random("people"), part), campaigns, random("visits"))
    purchases, place = make_purchases(visits, products, campaigns, random("purchases"))
    at_till = _till(visits.people, purchases, products, random(till.SYSTEM), part)
    at_shop = _shop(visits.people, purchases, products, at_till.holders, random(shop.SYSTEM), part)
    at_office = _office(visits.people, visits.service, random(office.SYSTEM), part)
    world = World(
        part=part.number,
        parts=part.of,
        people=_numbered(visits.people, part),
        products=products,
        purchases=_with_ids(purchases, [at_till.orders, at_shop.orders], part),
        service=_numbered(_placed(visits.service, place, part), part),
        campaigns=campaigns,
        contacts=_numbered(visits.contacts, part),
        members=_numbered(at_till.holders.rename(columns={"day": "joined_day"}), part),
        accounts=_numbered(at_shop.holders.rename(columns={"day": "registered_day"}), part),
    )
    files = [*at_till.files, *at_shop.files, *at_office.files]
    known = [_numbered(pd.concat([_known(system) for system in (at_till, at_shop, at_office)]), part)]
    for module in MODULES:
        files += module.files(world, random(module.SYSTEM))
        if hasattr(module, "records"):
            known.append(module.records(world)[_RECORDS])
    for file in files:
        file.part = part.suffix
    faults = dirt.plant(files, _all_faults(), random("dirt"))
    return Company(world, files, pd.concat(known, ignore_index=True), faults)


def write_pipeline(folder: Path) -> Path:
    """Write the dataset's pipeline.yml."""
    mapping = resources.files("crm_pipeline.sample").joinpath("pipeline.yaml").read_text(encoding="utf-8")
    return write_text(mapping, folder / "pipeline.yml")


def write_landing(files: Sequence[SourceFile], folder: Path) -> list[Path]:
    """Write landing files."""
    return [write_source(file, folder) for file in files]


def _all_faults() -> dict[tuple[str, str], list[dirt.Fault]]:
    return {
        (module.SYSTEM, source): faults
        for module in (till, shop, office, *MODULES)
        for source, faults in module.FAULTS.items()
    }


def _numbered(table: pd.DataFrame, part: Part) -> pd.DataFrame:
    """Turn the part's own numbers of persons, which count from 0, into those of the company."""
    columns = [name for name in ("person", "referrer", "household", "shares_email_of") if name in table.columns]
    if "source_id" in table.columns:
        columns = ["person"]
    return table.assign(**{name: table[name].where(table[name] < 0, table[name] + part.first) for name in columns})


def _placed(service: pd.DataFrame, place: NDArray[np.int64], part: Part) -> pd.DataFrame:
    """Give cases numbers that are unique in the company, and the numbers that their orders have in time order."""
    order = service["order"].to_numpy()
    return service.assign(
        order=np.where(order >= 0, place[order], -1), case=service["case"] + part.first_id(0, 10_000_000)
    )


def _with_ids(purchases: Purchases, sold: list[pd.DataFrame | None], part: Part) -> Purchases:
    """Add to each order its id and the buyer's record in the system that sold it."""
    orders = pd.concat(sold).set_index("order").sort_index()
    known = _numbered(purchases.orders, part).assign(order_id=orders["order_id"], record=orders["record"])
    return Purchases(known, purchases.lines)


def _known(system: _System) -> pd.DataFrame:
    """Return to whom a system's records belong, and the web shop's orders by guests."""
    known = system.holders[["source_id", "person"]].assign(kind="customer")
    if system.name == shop.SYSTEM and system.orders is not None:
        guests = system.orders[system.orders["record"] < 0].rename(columns={"order_id": "source_id"})
        known = pd.concat([known, guests[["source_id", "person"]].assign(kind="guest_order")])
    return known.assign(system=system.name)[_RECORDS]


def _till(
    people: pd.DataFrame, purchases: Purchases, products: pd.DataFrame, rng: np.random.Generator, part: Part
) -> _System:
    programme = till.members(people, purchases.orders, rng, part)
    files = till.member_files(programme, records.versions(people, programme, records.TILL, rng))
    orders = till.attribute(purchases.orders, programme, rng, part)
    lines = purchases.lines[purchases.lines["order"].isin(orders["order"])]
    fixed, fixed_lines = correct(orders, lines, rng)
    orders = orders.assign(corrected=False, late=late(orders, rng))
    delivered = till.sales_files(orders, lines, programme, people, products)
    again = till.sales_files(fixed.assign(corrected=True, late=False), fixed_lines, programme, people, products)
    articles = [till.article_file(products)] if part.number == 0 else []
    return _System(till.SYSTEM, programme, [*files, *_merge(delivered, again), *articles], orders)


def _shop(
    people: pd.DataFrame,
    purchases: Purchases,
    products: pd.DataFrame,
    programme: pd.DataFrame,
    rng: np.random.Generator,
    part: Part,
) -> _System:
    holders = shop.accounts(people, purchases.orders, programme, rng, part)
    files = shop.account_files(holders, records.versions(people, holders, records.SHOP, rng))
    orders = shop.attribute(purchases.orders, holders, people, rng, part)
    lines = purchases.lines[purchases.lines["order"].isin(orders["order"])]
    fixed, fixed_lines = correct(orders, lines, rng)
    orders = orders.assign(corrected=False, late=late(orders, rng))
    delivered = shop.sales_files(orders, lines, holders, products)
    again = shop.sales_files(fixed.assign(corrected=True, late=False), fixed_lines, holders, products)
    catalogue = [shop.catalogue_file(products)] if part.number == 0 else []
    return _System(shop.SYSTEM, holders, [*files, *_merge(delivered, again), *catalogue], orders)


def _office(people: pd.DataFrame, service: pd.DataFrame, rng: np.random.Generator, part: Part) -> _System:
    register = office.clients(people, service, rng, part)
    files = office.client_files(register, records.versions(people, register, records.OFFICE, rng))
    return _System(office.SYSTEM, register, files)


def _merge(*deliveries: tuple[list[SourceFile], list[SourceFile]]) -> list[SourceFile]:
    """Put the corrections between the other files of their source, where their names sort them."""
    files = [file for heads_and_lines in deliveries for group in heads_and_lines for file in group]
    return sorted(files, key=lambda file: (file.source, file.period))
