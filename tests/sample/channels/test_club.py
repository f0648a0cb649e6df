"""The loyalty club against the receipts behind it, recounted card by card."""

from collections import defaultdict

import pandas as pd
import pytest

from crm_pipeline.sample.channels import club
from crm_pipeline.sample.channels.moments import DAY
from crm_pipeline.sample.world import World

SIGN = {"earn": 1, "adjust": 1, "redeem": -1, "expire": -1, "join": 0, "tier_change": 0}


@pytest.fixture(scope="module")
def seen(world: World) -> pd.DataFrame:
    return club.movements(world)


@pytest.fixture(scope="module")
def receipts(world: World) -> pd.DataFrame:
    orders = world.purchases.orders
    return orders[(orders["sales_channel"] == "till") & (orders["record"] >= 0) & (orders["status"] == "completed")]


def tier(spent: int) -> str:
    return "gold" if spent >= 70_000 else "silver" if spent >= 30_000 else "bronze"


def test_every_receipt_with_a_card_earns_a_point_a_pound(seen: pd.DataFrame, receipts: pd.DataFrame) -> None:
    earned = seen[seen["kind"] == "earn"].set_index("order_id")
    assert set(earned.index) == set(receipts["order_id"])
    due = receipts.set_index("order_id")["total"] // 100
    assert (earned["points"] == due.reindex(earned.index)).all()


def test_the_tier_follows_what_was_spent_in_twelve_months(seen: pd.DataFrame, receipts: pd.DataFrame) -> None:
    earned = seen[seen["kind"] == "earn"].set_index("order_id")["tier"]
    expected, last, changes = {}, {}, []
    by_card: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for receipt in receipts.sort_values(["day", "minute", "order"]).itertuples():
        by_card[receipt.record].append((receipt.day, receipt.total))
        year = sum(total for day, total in by_card[receipt.record] if day > receipt.day - 365)
        expected[receipt.order_id] = tier(year)
        if last.get(receipt.record, "bronze") != tier(year):
            changes.append(receipt.order_id)
        last[receipt.record] = tier(year)
    assert earned.to_dict() == expected
    assert set(expected.values()) == {"bronze", "silver", "gold"}
    assert set(seen.loc[seen["kind"] == "tier_change", "order_id"]) == set(changes)


def test_nobody_spends_points_that_they_have_not_earned(seen: pd.DataFrame) -> None:
    points = seen["points"] * seen["kind"].map(SIGN)
    balance = points.groupby(seen["card"]).cumsum()
    assert (balance >= 0).all()
    assert (seen["kind"] == "redeem").sum() > 10


def test_points_lapse_a_year_after_the_last_receipt(seen: pd.DataFrame) -> None:
    lapsed = seen[seen["kind"] == "expire"]
    last = seen[seen["kind"] == "earn"].groupby("card")["moment"].max()
    assert len(lapsed) > 10
    assert (lapsed["moment"] // DAY - lapsed["card"].map(last) // DAY == 365).all()


def test_each_card_begins_with_joining(world: World, seen: pd.DataFrame) -> None:
    first = seen.groupby("card").first()
    assert (first["kind"] == "join").all()
    assert len(first) == len(world.members)
