"""What people buy, bring back and get refunded: orders and lines in whole pence, before any system writes them down."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.assortment import companions
from crm_pipeline.sample.calendar import DAYS, is_promotion, period_of
from crm_pipeline.sample.character import TASTES
from crm_pipeline.sample.visits import Visits, minutes

Ints = NDArray[np.int64]
TAX_PERCENT = 20
SHIPPING = 395
FREE_SHIPPING_FROM = 4000
MOST_LINES = 9
TOGETHER = 0.45
CAMPAIGN_COUPON = 0.5
REFUNDED = 0.025
UNKNOWN_RETURNS = 0.001
# What people of the home country pay in, for a home or a host abroad; Portugal pays in euros.
IN_EUR, IN_USD = 0.015, 0.012
COUPONS = np.array(["WELCOME10", "SPRING10", "HARBOUR10", "FINCH10"], dtype=object)


@dataclass(frozen=True)
class Purchases:
    """All orders with their lines.

    Attributes:
        orders: order (row number, in time order), person, day, minute, sales_channel (till, web, app), status
            (completed, cancelled, returned), campaign (whose effect the order is, or -1), coupon, currency (in which
            the web shop sells it), net, discount, tax, shipping and total in pence, refunded (pence of net, 0 for
            most) and refunded_day (or -1), original (the order that a return belongs to, else -1).
        lines: order, line_number, product (row of the assortment), quantity, price, discount, net; sorted by order.
    """

    orders: pd.DataFrame
    lines: pd.DataFrame


def make_purchases(
    visits: Visits, products: pd.DataFrame, campaigns: pd.DataFrame, rng: np.random.Generator
) -> tuple[Purchases, Ints]:
    """Fill the orders, and draw returns and refunds.

    Returns:
        The purchases, and for each order of the visits its number among all orders in time order.
    """
    people, orders = visits.people, visits.orders.assign(original=-1)
    lines = _order_lines(people, products, orders, rng)
    orders["coupon"], orders["currency"] = _coupons(people, campaigns, orders, rng), _currencies(people, orders, rng)
    _price_orders(products, orders, lines)
    back = [_returns(people, products, orders, lines, rng), _unknown_returns(products, orders, lines)]
    _refund(orders, back[0][0]["original"].to_numpy(), rng)
    for returned, return_lines in back:
        returned["order"] += len(orders)
        orders = pd.concat([orders, returned.assign(refunded=0, refunded_day=-1)], ignore_index=True)
        lines = pd.concat([lines, return_lines.assign(order=return_lines["order"] + returned["order"].min())])
    return _in_time_order(orders, lines)


def _order_lines(
    people: pd.DataFrame, products: pd.DataFrame, orders: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Fill the baskets and reduce some prices, in promotion weeks many for those who look at prices."""
    lines = _with_companions(_baskets(people, products, orders, rng), products, rng)
    order = lines["order"].to_numpy()
    price = products["price"].to_numpy()[lines["product"].to_numpy()]
    cheap_week = is_promotion(orders["day"].to_numpy())
    sensitivity = people["price_sensitivity"].to_numpy()[orders["person"].to_numpy()]
    chance = 0.03 + sensitivity * np.where(cheap_week, 0.7, 0.15)
    reduced = rng.random(len(order)) < chance[order]
    percent = rng.choice([10, 15, 20, 25], len(order))
    gross = price * lines["quantity"].to_numpy()
    discount = np.where(reduced, (gross * percent + 50) // 100, 0)
    first = np.flatnonzero(np.diff(order, prepend=-1))
    lines["line_number"] = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order))) + 1
    return lines.assign(price=price, discount=discount, net=gross - discount)


def _baskets(
    people: pd.DataFrame, products: pd.DataFrame, orders: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw order, product and quantity of lines whose value is lognormal around the person's own, by their tastes."""
    person = orders["person"].to_numpy()
    value = people["mean_spend"].to_numpy()[person] * rng.lognormal(-0.1, 0.45, len(orders))
    lines_of = np.clip(1 + rng.poisson(value / 2200), 1, MOST_LINES)
    order = np.repeat(np.arange(len(orders)), lines_of)
    target = np.repeat(value / lines_of, lines_of) * rng.lognormal(-0.06, 0.35, len(order))
    taste = np.cumsum(people[TASTES].to_numpy(), axis=1)[person[order]]
    category = np.minimum((rng.random(len(order))[:, None] > taste).sum(axis=1), len(TASTES) - 1)
    product = np.zeros(len(order), dtype=int)
    price_list = products["price"].to_numpy()
    for number in range(len(TASTES)):
        rows = np.flatnonzero(category == number)
        shelf = np.flatnonzero(products["category"].to_numpy() == number)
        near = np.searchsorted(price_list[shelf], target[rows]) - rng.integers(0, 4, len(rows))
        product[rows] = shelf[np.clip(near, 0, len(shelf) - 1)]
    quantity = np.clip(np.round(target / price_list[product]), 1, 12).astype(int)
    return pd.DataFrame({"order": order, "product": product, "quantity": quantity})


def _with_companions(lines: pd.DataFrame, products: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Add what is often bought together with a line's product, right after it."""
    companion = companions(products)[lines["product"].to_numpy()]
    taken = np.flatnonzero((companion >= 0) & (rng.random(len(lines)) < TOGETHER))
    added = pd.DataFrame({"order": lines["order"].to_numpy()[taken], "product": companion[taken], "quantity": 1})
    return pd.concat([lines, added]).sort_values("order", kind="stable", ignore_index=True)


def _coupons(
    people: pd.DataFrame, campaigns: pd.DataFrame, orders: pd.DataFrame, rng: np.random.Generator
) -> NDArray[np.object_]:
    sensitivity = people["price_sensitivity"].to_numpy()[orders["person"].to_numpy()]
    redeemed = rng.random(len(orders)) < 0.02 + 0.2 * sensitivity
    code = np.where(redeemed, COUPONS[rng.integers(0, len(COUPONS), len(orders))], "")
    campaign = orders["campaign"].to_numpy()
    caused = (campaign >= 0) & (rng.random(len(orders)) < CAMPAIGN_COUPON)
    return np.where(caused, campaigns["coupon"].to_numpy()[campaign], code)


def _currencies(people: pd.DataFrame, orders: pd.DataFrame, rng: np.random.Generator) -> NDArray[np.object_]:
    drawn = rng.random(len(orders))
    foreign = np.where(drawn < IN_EUR, "EUR", np.where(drawn < IN_EUR + IN_USD, "USD", "GBP"))
    foreign = np.where(people["country"].to_numpy()[orders["person"]] == "PT", "EUR", foreign)
    return np.where(orders["sales_channel"] == "till", "GBP", foreign).astype(object)


def _price_orders(products: pd.DataFrame, orders: pd.DataFrame, lines: pd.DataFrame) -> None:
    """Add the coupon's discount, tax, shipping and total: total = lines - discount + tax + shipping, to the penny."""
    net, taxed = _sums(products, lines, len(orders))
    percent = np.select([orders["coupon"] == "", orders["coupon"].str.endswith("15")], [0, 15], 10)
    online = (orders["sales_channel"] != "till").to_numpy()
    shipping = np.where(online & (net < FREE_SHIPPING_FROM), SHIPPING, 0)
    _total(orders, net, taxed, (net * percent + 50) // 100, shipping)


def _sums(products: pd.DataFrame, lines: pd.DataFrame, orders: int) -> tuple[Ints, Ints]:
    order, net = lines["order"].to_numpy(), lines["net"].to_numpy()
    taxed = products["taxed"].to_numpy()[lines["product"].to_numpy()]
    all_net = np.bincount(order, weights=net, minlength=orders)
    taxed_net = np.bincount(order, weights=net * taxed, minlength=orders)
    return all_net.astype(np.int64), taxed_net.astype(np.int64)


def _total(orders: pd.DataFrame, net: Ints, taxed: Ints, discount: Ints, shipping: Ints) -> None:
    taxable = np.where(net > 0, taxed * (net - discount) // np.maximum(net, 1), 0)
    orders["net"], orders["discount"], orders["shipping"] = net, discount, shipping
    orders["tax"] = (taxable * TAX_PERCENT + 50) // 100
    orders["total"] = orders["net"] - orders["discount"] + orders["tax"] + orders["shipping"]


def _returns(
    people: pd.DataFrame, products: pd.DataFrame, orders: pd.DataFrame, lines: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bring back some lines of some completed orders, each as an order of its own that gives a share of the coupon."""
    wanted = rng.random(len(orders)) < people["return_share"].to_numpy()[orders["person"].to_numpy()]
    back_on = orders["day"].to_numpy() + rng.integers(3, 26, len(orders))
    wanted &= (orders["status"] == "completed").to_numpy() & (back_on < DAYS - 1)
    back = lines[wanted[lines["order"].to_numpy()]]
    back = back[(back["line_number"] == 1) | (rng.random(len(back)) < 0.4)].reset_index(drop=True)
    returned = orders[wanted].assign(day=back_on[wanted], status="returned", coupon="").reset_index(drop=True)
    returned["original"] = returned["order"]
    renumber = pd.Series(np.arange(len(returned)), index=returned["original"])
    back["order"] = back["order"].map(renumber)
    back["line_number"] = back.groupby("order").cumcount() + 1
    net, taxed = _sums(products, back, len(returned))
    share = (returned["discount"] * net // returned["net"].clip(lower=1)).to_numpy()
    _total(returned, net, taxed, share, np.zeros(len(returned), dtype=np.int64))
    returned["minute"] = minutes(
        (returned["sales_channel"] != "till").to_numpy(), np.zeros(len(returned), dtype=bool), rng
    )
    returned["order"] = np.arange(len(returned))
    return returned, back


def _unknown_returns(
    products: pd.DataFrame, orders: pd.DataFrame, lines: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bring back to a store what was bought before the calendar begins: one unit, before the person's first order."""
    count = 2 + int(len(orders) * UNKNOWN_RETURNS)
    first = orders.sort_values(["day", "minute"], kind="stable").drop_duplicates("person")
    early = first[(first["sales_channel"] == "till") & (first["day"] >= 2) & (first["day"] < 60)].head(count)
    back = lines[(lines["line_number"] == 1) & lines["order"].isin(early["order"])].reset_index(drop=True)
    returned = early.sort_values("order", kind="stable").reset_index(drop=True)
    returned = returned.assign(day=returned["day"] // 2, status="returned", coupon="")
    returned["order"] = back["order"] = np.arange(len(returned))
    back = back.assign(quantity=1, discount=0, net=back["price"])
    nothing = np.zeros(len(returned), dtype=np.int64)
    _total(returned, *_sums(products, back, len(returned)), nothing, nothing)
    return returned, back


def _refund(orders: pd.DataFrame, returned: Ints, rng: np.random.Generator) -> None:
    """Give back a part of some online orders of which nothing was returned, before the order is delivered as a row."""
    day = orders["day"].to_numpy()
    later = np.minimum(day + rng.integers(2, 20, len(orders)), DAYS - 1)
    chosen = (
        (rng.random(len(orders)) < REFUNDED) & (orders["sales_channel"] != "till") & (orders["status"] == "completed")
    )
    chosen &= ~orders["order"].isin(returned) & (later > day) & (period_of(later) == period_of(day))
    share = rng.integers(10, 51, len(orders))
    orders["refunded"] = np.where(chosen, (orders["net"] - orders["discount"]) * share // 100, 0)
    orders["refunded_day"] = np.where(chosen, later, -1)


def _in_time_order(orders: pd.DataFrame, lines: pd.DataFrame) -> tuple[Purchases, Ints]:
    orders = orders.sort_values(["day", "minute", "order"], kind="stable").reset_index(drop=True)
    place = pd.Series(np.arange(len(orders)), index=orders["order"])
    orders["original"] = orders["original"].map(place).fillna(-1).astype(int)
    orders["order"] = np.arange(len(orders))
    lines = lines.assign(order=lines["order"].map(place).to_numpy())
    lines = lines.sort_values(["order", "line_number"], kind="stable").reset_index(drop=True)
    return Purchases(orders, lines), place.sort_index().to_numpy()
