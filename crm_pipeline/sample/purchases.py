"""What people buy and bring back: orders and lines in whole pence, before any system writes them down.

Buying follows BG/NBD: while alive a person buys at their own Poisson rate, and after each purchase leaves for good
with their own probability. Rates run on a clock that ticks faster in busy weeks, which gives the season.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.calendar import DAYS, MORNING_ENDS, STORE_HOURS, WEB_HOURS, day_weights
from crm_pipeline.sample.people import TASTES

Ints = NDArray[np.int64]
TAX_PERCENT = 20
SHIPPING = 395
FREE_SHIPPING_FROM = 4000
MOST_LINES = 9
LATEST_ORDERS = 3
COUPONS = np.array(["WELCOME10", "SPRING10", "HARBOUR10", "FINCH10"], dtype=object)


@dataclass(frozen=True)
class Purchases:
    """All orders with their lines.

    Attributes:
        orders: order, person, day, minute, channel (till, web, app), status (completed, cancelled, returned), coupon,
            net, discount, tax, shipping and total in pence, original (the order that a return belongs to, else -1).
        lines: order, line_number, product (row of the assortment), quantity, price, discount, net; sorted by order.
        alive: whether each person would still buy after the calendar's end.
    """

    orders: pd.DataFrame
    lines: pd.DataFrame
    alive: NDArray[np.bool_]


def make_purchases(people: pd.DataFrame, products: pd.DataFrame, rng: np.random.Generator) -> Purchases:
    """Draw everybody's orders, order lines and returns."""
    person, day, alive = _purchase_days(people, rng)
    orders = _order_heads(people, person, day, rng)
    lines = _order_lines(people, products, orders, rng)
    _price_orders(people, products, orders, lines, rng)
    returns, return_lines = _returns(people, products, orders, lines, rng)
    orders = pd.concat([orders, returns], ignore_index=True)
    lines = pd.concat([lines, return_lines], ignore_index=True)
    return _in_time_order(orders, lines, alive)


def _purchase_days(people: pd.DataFrame, rng: np.random.Generator) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Return person and day of each purchase, and who is still alive at the end."""
    busy = np.concatenate([[0.0], np.cumsum(day_weights())])
    clock_start = np.interp(people["first_day"], np.arange(DAYS + 1), busy)
    rate = people["purchase_rate"].to_numpy()
    leave_after = rng.geometric(people["dropout_probability"].to_numpy())
    expected = rate * (busy[-1] - clock_start)
    # More draws than anybody needs: a bound far above the Poisson mean instead of a loop per person.
    draws = np.minimum(leave_after, np.ceil(expected + 8 * np.sqrt(expected) + 12).astype(int))
    person = np.repeat(np.arange(len(people)), draws)
    gaps = rng.exponential(1, len(person)) / rate[person]
    starts = np.concatenate([[0], np.cumsum(draws)[:-1]])
    gaps[starts] = 0.0
    elapsed = np.cumsum(gaps)
    clock = clock_start[person] + elapsed - np.repeat(elapsed[starts], draws)
    inside = clock < busy[-1]
    day = np.floor(np.interp(clock, busy, np.arange(DAYS + 1))).astype(int)
    bought = np.bincount(person[inside], minlength=len(people))
    alive = bought < leave_after
    person, day = person[inside], np.minimum(day[inside], DAYS - 1)
    missing = max(0, LATEST_ORDERS - int((day == DAYS - 1).sum()))
    keenest = np.argsort(np.where(alive, -rate, 1.0), kind="stable")[:missing]
    return np.concatenate([person, keenest]), np.concatenate([day, np.full(len(keenest), DAYS - 1)]), alive


def _order_heads(people: pd.DataFrame, person: Ints, day: Ints, rng: np.random.Generator) -> pd.DataFrame:
    count = len(person)
    web = rng.random(count) < people["web_share"].to_numpy()[person]
    app = rng.random(count) < people["app_share"].to_numpy()[person]
    channel = np.where(web, np.where(app, "app", "web"), "till").astype(object)
    cancelled = rng.random(count) < np.where(web, 0.03, 0.005)
    orders = pd.DataFrame({"order": np.arange(count), "person": person, "day": day, "channel": channel})
    orders["minute"] = _minutes(web, day == DAYS - 1, rng)
    orders["status"] = np.where(cancelled, "cancelled", "completed").astype(object)
    orders["original"] = -1
    return orders


def _minutes(web: NDArray[np.bool_], morning_only: NDArray[np.bool_], rng: np.random.Generator) -> Ints:
    store_hour = rng.choice(24, len(web), p=STORE_HOURS / STORE_HOURS.sum())
    web_hour = rng.choice(24, len(web), p=WEB_HOURS / WEB_HOURS.sum())
    minute = np.where(web, web_hour, store_hour) * 60 + rng.integers(0, 60, len(web))
    return np.where(morning_only, rng.integers(9 * 60, MORNING_ENDS, len(web)), minute)


def _order_lines(
    people: pd.DataFrame, products: pd.DataFrame, orders: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Fill baskets whose value is lognormal around each person's own mean, from the categories that they like."""
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
    price = price_list[product]
    quantity = np.clip(np.round(target / price), 1, 12).astype(int)
    promotion = rng.random(len(order)) < 0.04 + 0.3 * people["bargain_hunter"].to_numpy()[person[order]]
    percent = rng.choice([10, 15, 20, 25], len(order))
    discount = np.where(promotion, (price * quantity * percent + 50) // 100, 0)
    first = np.concatenate([[0], np.cumsum(lines_of)[:-1]])
    line_number = np.arange(len(order)) - np.repeat(first, lines_of) + 1
    lines = pd.DataFrame({"order": order, "line_number": line_number, "product": product, "quantity": quantity})
    return lines.assign(price=price, discount=discount, net=price * quantity - discount)


def _price_orders(
    people: pd.DataFrame, products: pd.DataFrame, orders: pd.DataFrame, lines: pd.DataFrame, rng: np.random.Generator
) -> None:
    """Add the order's coupon, tax, shipping and total: total = lines - discount + tax + shipping, to the penny."""
    net, taxed = _sums(products, lines, len(orders))
    hunter = people["bargain_hunter"].to_numpy()[orders["person"].to_numpy()]
    redeemed = rng.random(len(orders)) < 0.02 + 0.25 * hunter
    discount = np.where(redeemed, (net * 10 + 50) // 100, 0)
    code = COUPONS[rng.integers(0, len(COUPONS), len(orders))]
    orders["coupon"] = np.where(redeemed, code, "").astype(object)
    online = (orders["channel"] != "till").to_numpy()
    shipping = np.where(online & (net < FREE_SHIPPING_FROM), SHIPPING, 0)
    _total(orders, net, taxed, discount, shipping)


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
    returned["minute"] = _minutes((returned["channel"] != "till").to_numpy(), np.zeros(len(returned), dtype=bool), rng)
    returned["order"] = np.arange(len(returned)) + len(orders)
    back["order"] += len(orders)
    return returned, back


def _in_time_order(orders: pd.DataFrame, lines: pd.DataFrame, alive: NDArray[np.bool_]) -> Purchases:
    orders = orders.sort_values(["day", "minute", "order"], kind="stable").reset_index(drop=True)
    place = pd.Series(np.arange(len(orders)), index=orders["order"])
    orders["original"] = orders["original"].map(place).fillna(-1).astype(int)
    orders["order"] = np.arange(len(orders))
    lines = lines.assign(order=lines["order"].map(place).to_numpy())
    lines = lines.sort_values(["order", "line_number"], kind="stable").reset_index(drop=True)
    return Purchases(orders, lines, alive)
