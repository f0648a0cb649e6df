"""The margin to come by person: how often they will buy, what an order is worth, and what returns will take.

BG/NBD says how many order days come, Gamma-Gamma what one is worth, and the share of margin that returns took from
all occasions so far (`purchases.net_share`) nets refunds.
"""

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
from scipy.special import gammainc, gammaincinv

from crm_pipeline.scoring import bgnbd, gamma_gamma, purchases
from crm_pipeline.scoring.frame import Floats
from crm_pipeline.scoring.purchases import People, floats

DAYS_PER_MONTH = 365.25 / 12


@dataclass(frozen=True)
class ValueModel:
    """Fitted order process and order value, and the share of the margin that is left after returns."""

    orders: bgnbd.BgNbd
    value: gamma_gamma.GammaGamma
    net_share: float

    def expected_orders(self, people: People, days: float) -> Floats:
        """Return the expected order days of the coming `days`."""
        return self.orders.expected_orders(people.x, people.t_x, people.age, days)

    def order_value(self, people: People) -> Floats:
        """Return the expected margin of one order day, returns netted."""
        return self.net_share * self.value.expected_value(people.x, people.mean_value)

    def expected_margin(self, people: People, days: float) -> Floats:
        """Return the expected margin of the coming `days`, without discount."""
        return self.expected_orders(people, days) * self.order_value(people)

    def discount(self, people: People, months: int, rate: float) -> Floats:
        """Return the mean factor by which discounting lowers the horizon's value; month k counts 1 / (1 + rate)^k."""
        before, discounted = np.zeros(len(people)), np.zeros(len(people))
        for month in range(1, months + 1):
            so_far = self.expected_orders(people, month * DAYS_PER_MONTH)
            discounted += (so_far - before) / (1 + rate) ** month
            before = so_far
        return np.divide(discounted, before, out=np.ones_like(before), where=before > 0)

    def margin_distribution(self, people: People, days: float) -> "MarginDistribution":
        """Return the distribution of each person's margin of the coming `days`, before discount."""
        state = (people.x, people.t_x, people.age, days)
        none = self.orders.p_no_order(*state)
        orders = self.orders.expected_orders(*state)
        first, second = self.value.inverse_rate_moments(people.x, people.mean_value)
        p = self.value.p
        # E[S^2] of a sum of N gamma values with shape p: (p^2 E[N^2] + p E[N]) E[1/rate^2].
        square = (p**2 * (self.orders.expected_order_pairs(*state) + orders) + p * orders) * second
        some = np.maximum(1 - none, 1e-12)
        mean_some, square_some = p * orders * first / some, square / some
        spread = np.maximum(square_some - mean_some**2, 1e-9 * mean_some**2 + 1e-12)
        shape = np.maximum(mean_some, 1e-12) ** 2 / spread
        return MarginDistribution(none, shape, self.net_share * mean_some / shape)


@dataclass(frozen=True)
class MarginDistribution:
    """Nothing with probability `none`, else gamma distributed with the exact mean and variance of the two models."""

    none: Floats
    shape: Floats
    scale: Floats

    def times(self, factor: Floats) -> "MarginDistribution":
        """Return the distribution of the margin times a factor."""
        return MarginDistribution(self.none, self.shape, self.scale * factor)

    def cdf(self, margin: Floats) -> Floats:
        """Return the probability of at most this margin; `none` for 0, and 0 below."""
        some = gammainc(self.shape, np.maximum(margin, 0) / np.maximum(self.scale, 1e-300))
        return np.where(margin < 0, 0.0, self.none + (1 - self.none) * some)

    def quantile(self, level: Floats) -> Floats:
        """Return the margin that is not exceeded with probability `level`, one level per person."""
        within = np.clip((level - self.none) / np.maximum(1 - self.none, 1e-12), 0, 1 - 1e-9)
        return np.where(level <= self.none, 0.0, gammaincinv(self.shape, within) * self.scale)


def fit(connection: duckdb.DuckDBPyConnection, cutoff: date, leaves_at_once: bool) -> ValueModel:
    """Fit both models to what was known at `cutoff`; `leaves_at_once` takes the MBG/NBD for the BG/NBD.

    Raises:
        NotEnoughDataError: if either cannot be fitted.
    """
    tuples = purchases.history_tuples(connection, cutoff)
    values = purchases.value_tuples(connection, cutoff)
    history = bgnbd.PurchaseHistory(*(floats(tuples, name) for name in ("x", "t_x", "age", "people")))
    orders = bgnbd.fit(history, leaves_at_once)
    value = gamma_gamma.fit(*(floats(values, name) for name in ("x", "mean_value", "people")))
    return ValueModel(orders, value, purchases.net_share(connection, cutoff))
