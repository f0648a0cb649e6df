"""What is bought, in amounts that add up: lines, coupons, tax, returns, refunds, other currencies."""

import json
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from crm_pipeline.sample.calendar import DAYS
from crm_pipeline.sample.company import make_company
from crm_pipeline.sample.rates import CURRENCIES, rate


def test_amounts_of_every_order_add_up(company):
    orders, lines = company.world.purchases.orders, company.world.purchases.lines
    assert (lines["net"] == lines["price"] * lines["quantity"] - lines["discount"]).all()
    net = lines.groupby("order")["net"].sum().reindex(orders["order"]).to_numpy()
    assert (orders["net"] == net).all()
    assert (orders["total"] == orders["net"] - orders["discount"] + orders["tax"] + orders["shipping"]).all()
    assert (orders["total"] > 0).all()


def test_orders_are_numbered_in_time_order_and_their_lines_from_one(company):
    orders, lines = company.world.purchases.orders, company.world.purchases.lines
    assert (orders["order"] == np.arange(len(orders))).all()
    assert (np.diff(orders["day"] * 1440 + orders["minute"]) >= 0).all()
    last = lines.groupby("order")["line_number"].agg(["min", "max", "size"])
    assert (last["min"] == 1).all()
    assert (last["max"] == last["size"]).all()


def test_no_more_is_returned_than_was_bought(company):
    orders = company.world.purchases.orders
    returns = orders[(orders["status"] == "returned") & (orders["original"] >= 0)]
    original = orders.iloc[returns["original"]]
    assert len(returns) > 20
    assert (original["person"].to_numpy() == returns["person"].to_numpy()).all()
    assert (original["day"].to_numpy() < returns["day"].to_numpy()).all()
    paid = (original["net"] - original["discount"]).to_numpy()
    assert ((returns["net"] - returns["discount"]).to_numpy() <= paid).all()


def test_some_goods_come_back_before_the_person_bought_anything(company):
    orders = company.world.purchases.orders
    unknown = orders[(orders["status"] == "returned") & (orders["original"] < 0)]
    assert len(unknown) >= 2
    bought = orders[orders["status"] == "completed"].groupby("person")["day"].min()
    assert (unknown["day"].to_numpy() < bought.reindex(unknown["person"]).to_numpy()).all()


def test_most_credit_notes_of_the_till_name_their_receipt(landing):
    receipts = landing.table("receipts_*.csv.gz")
    notes = receipts[receipts["type"] == "R"]
    named = notes["refers_to"] != ""
    assert 0.6 < named.mean() < 0.97
    unknown = set(notes.loc[named, "refers_to"]) - set(receipts["receipt_no"])
    assert len(unknown) <= 5, "only receipts that a planted fault took away are missing"


def test_a_refund_is_a_part_of_an_order_that_kept_its_goods(company):
    orders = company.world.purchases.orders
    refunded = orders[orders["refunded"] > 0]
    assert len(refunded) > 10
    assert (refunded["refunded"] < refunded["net"] - refunded["discount"]).all()
    assert (refunded["refunded_day"] > refunded["day"]).all()
    assert set(refunded["sales_channel"]) <= {"web", "app"}
    assert not refunded["order"].isin(orders["original"]).any()


@pytest.fixture(scope="module")
def web_orders(landing, dirt):
    faulty = set(zip(dirt["file"], dirt["line"], strict=True))
    found = landing.documents("shop/orders_*.jsonl.gz")
    return [order for file, line, order in found if (file, line) not in faulty]


def test_web_orders_add_up_in_the_currency_they_were_sold_in(landing, web_orders):
    lines = pd.concat(pq.read_table(path).to_pandas() for path in landing.files("lines_*.parquet"))
    lines["net"] = lines["unit_price"] * lines["quantity"].map(Decimal) - lines["discount"]
    net, currency = lines.groupby("order_id")["net"].sum(), lines.groupby("order_id")["currency"].first()
    foreign = [order for order in web_orders if order["currency"] != "GBP" and order["id"] in net.index]
    assert {order["currency"] for order in foreign} == set(CURRENCIES)
    agreeing = 0
    for order in foreign:
        totals = {name: Decimal(str(value)) for name, value in order["totals"].items()}
        assert currency[order["id"]] == order["currency"]
        agreeing += totals["paid"] == net[order["id"]] - totals["discount"] + totals["tax"] + totals["shipping"]
    assert agreeing >= 0.985 * len(foreign), "only orders with corrected, repeated or faulty lines disagree"


def test_shop_times_carry_the_offset_of_their_day(web_orders):
    offsets = set()
    for order in web_orders:
        placed_at = datetime.fromisoformat(order["placed_at"])
        assert placed_at.utcoffset() == placed_at.astimezone(ZoneInfo("Europe/London")).utcoffset()
        offsets.add(placed_at.utcoffset())
    assert len(offsets) == 2


def test_a_rate_moves_little_from_day_to_day():
    for currency in CURRENCIES:
        rates = rate(currency, np.arange(DAYS))
        assert np.abs(np.diff(rates) / rates[1:]).max() < 0.01
        assert 0.6 < rates.min() < rates.max() < 1.0


def test_the_last_day_is_unfinished(company):
    orders = company.world.purchases.orders
    last = orders[orders["day"] == DAYS - 1]
    assert 3 <= len(last) < 30
    assert last["minute"].max() < 12 * 60
    assert (orders["day"] < DAYS).all()


def test_the_smallest_company_still_has_an_unfinished_last_day():
    orders = make_company(100, 1).world.purchases.orders
    assert (orders["day"] == DAYS - 1).sum() >= 3


def test_too_few_people_are_refused():
    with pytest.raises(ValueError, match="at least 100 people"):
        make_company(10, 1)


def test_nested_documents_are_plain_json(landing):
    path = landing.files("orders_*.jsonl.gz")[0]
    assert {"id", "customer", "totals", "refund"} <= set(json.loads(landing.text(path).splitlines()[0]))
