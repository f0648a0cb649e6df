"""What the channels' writers share: ids, periods, and how a system that has no ids of its own names a person."""

import numpy as np
import pandas as pd

from crm_pipeline.sample.calendar import period_of
from crm_pipeline.sample.channels.moments import DAY, Flags, Ints
from crm_pipeline.sample.tables import Form, SourceFile, Texts, by_period, numbers
from crm_pipeline.sample.world import World

# More rows than any channel has in one part of the company: ids of different parts never meet.
IDS_PER_PART = 10_000_000
RECORDS = ["system", "kind", "source_id", "person"]
CONTACT = "contact"


def ids(prefix: str, world: World, count: int) -> Texts:
    """Return this many ids, unique in the company."""
    return prefix + numbers(np.arange(count) + world.part * IDS_PER_PART + 100_001)


def shared_random(world: World, name: str) -> np.random.Generator:
    """Return draws that two modules agree on: they depend on the company and the name alone."""
    return np.random.default_rng([world.part, int(world.purchases.orders["total"].sum()), *name.encode()])


def by_moment(cells: pd.DataFrame, moment: Ints, where: tuple[str, str, Form], key: str) -> list[SourceFile]:
    """Split rows into one file per period (folder, source, form) by when they happened."""
    return by_period(cells, period_of(moment // DAY), where, key)


def account_of(world: World, person: Ints, moment: Ints) -> Ints:
    """Return the row of the newest shop account that each person had by then, -1 where there was none."""
    accounts = world.accounts
    # One number per person and day sorts and searches like the pair.
    span = 1 << 20
    opened = accounts["person"].to_numpy() * span + accounts["registered_day"].to_numpy()
    order = np.argsort(opened, kind="stable")
    place = np.searchsorted(opened[order], person * span + moment // DAY, side="right") - 1
    found = order[np.maximum(place, 0)]
    mine = (place >= 0) & (accounts["person"].to_numpy()[found] == person)
    return np.where(mine, found, -1)


def account_ids(world: World, account: Ints) -> Texts:
    """Return the ids of accounts; empty where there is none."""
    return np.where(account >= 0, world.accounts["source_id"].to_numpy(dtype=object)[account], "")


def named_by_contact(system: str, rows: pd.DataFrame, row_id: str, contact: Texts, where: Flags) -> pd.DataFrame:
    """Return the truth on rows that name a person by a contact alone, the first row for each person and contact.

    Args:
        system: the id namespace of the rows.
        rows: the rows, with the column person.
        row_id: the column with the ids of the rows.
        contact: the e-mail, phone or card that names the person.
        where: which rows do so.
    """
    rows = rows[[row_id, "person"]].assign(contact=contact)[where].rename(columns={row_id: "source_id"})
    rows = rows.drop_duplicates(["person", "contact"])
    return rows.assign(system=system, kind=CONTACT)[RECORDS].reset_index(drop=True)
