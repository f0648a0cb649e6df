"""The margin to come by person: how often they will buy, what an order is worth, and what returns will take.

BG/NBD or one of its kin says how many order days come, Gamma-Gamma (or a mean) what one is worth, and the share of
margin that returns took from all occasions so far (`purchases.net_share`) nets refunds.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc, gammaincinv

from crm_pipeline.scoring.lifetime import bgnbd, gamma_gamma
from crm_pipeline.scoring.lifetime.purchases import People
from crm_pipeline.scoring.model import Floats

DAYS_PER_MONTH = 365.25 / 12


@dataclass(frozen=True)
class ValueModel:
    """FittedClv order process and order value, and the share of the margin that is left after returns."""

    orders: bgnbd.OrderProcess
    value: gamma_gamma.OrderValue
    net_share: float

    def expected_orders(self, people: People, days: float) -> Floats:
        """Return the expected order days of the coming `days`."""
        return self.orders.expected_orders(people.x, people.t_x, people.age, days)

    def order_value(self, people: People) -> Floats:
        """Return the expected margin of one order day, returns netted."""
        return self.net_share * self.value.expected_value(people.x, people.mean_value)

    def next_order_days(self, people: People) -> Floats:
        """Return the median of the days until the next order, for people who are still there."""
        return self.orders.next_order_days(people.x, people.t_x, people.age)

    def expected_margin(self, people: People, days: float) -> Floats:
        """Return the expected margin of the coming `days`, without discount."""
        return self.expected_orders(people, days) * self.order_value(people)

    def discount(self, people: People, months: int, rate: float) -> Floats:
        """Return the mean factor by which discounting lowers the horizon's value; month k counts 1 / (1 + rate)^k.

        Whether somebody is still there does not change it, so that x and age say it all: far fewer pairs than people.
        """
        pairs, place = np.unique(people.x + 1j * people.age, return_inverse=True)
        before, discounted = np.zeros(len(pairs)), np.zeros(len(pairs))
        for month in range(1, months + 1):
            so_far = self.orders.orders_if_alive(pairs.real, pairs.imag, month * DAYS_PER_MONTH)
            discounted += (so_far - before) / (1 + rate) ** month
            before = so_far
        return np.divide(discounted, before, out=np.ones_like(before), where=before > 0)[place]

    def forecast(self, people: People, days: float) -> "Forecast":
        """Return what is to be expected of the coming `days`, before discount."""
        coming = self.orders.outlook(people.x, people.t_x, people.age, days)
        none, orders = coming.none, coming.orders
        # E[S^2] of a sum of N values: E[N] squares, and E[N (N - 1)] products of two of them.
        of_one, of_two = self.value.second_moments(people.x, people.mean_value)
        square = orders * of_one + coming.pairs * of_two
        mean = orders * self.value.expected_value(people.x, people.mean_value)
        some = np.maximum(1 - none, 1e-12)
        mean_some, square_some = mean / some, square / some
        spread = np.maximum(square_some - mean_some**2, 1e-9 * mean_some**2 + 1e-12)
        shape = np.maximum(mean_some, 1e-12) ** 2 / spread
        distribution = MarginDistribution(none, shape, self.net_share * mean_some / shape)
        return Forecast(orders * self.order_value(people), distribution)


@dataclass(frozen=True)
class MarginDistribution:
    """Nothing with probability `none`, else gamma distributed with the exact mean and variance of the two models."""

    none: Floats
    shape: Floats
    scale: Floats

    def times(self, factor: Floats) -> "MarginDistribution":
        """Return the distribution whose mean is `factor` times this one's.

        A factor below 1 says that people are less likely still there, one above 1 that they spend more.
        """
        stays = np.minimum(factor, 1.0)
        return MarginDistribution(1 - (1 - self.none) * stays, self.shape, self.scale * np.maximum(factor, 1.0))

    def cdf(self, margin: Floats) -> Floats:
        """Return the probability of at most this margin; `none` for 0, and 0 below."""
        some = gammainc(self.shape, np.maximum(margin, 0) / np.maximum(self.scale, 1e-300))
        return np.where(margin < 0, 0.0, self.none + (1 - self.none) * some)

    def quantile(self, level: Floats) -> Floats:
        """Return the margin that is not exceeded with probability `level`, one level per person."""
        within = np.clip((level - self.none) / np.maximum(1 - self.none, 1e-12), 0, 1 - 1e-9)
        return np.where(level <= self.none, 0.0, gammaincinv(self.shape, within) * self.scale)


@dataclass(frozen=True)
class Forecast:
    """What is said of people's margin of a horizon: its expectation and its distribution."""

    expected: Floats
    distribution: MarginDistribution

    def times(self, factor: Floats) -> "Forecast":
        """Return the forecast of `factor` times the margin."""
        return Forecast(self.expected * factor, self.distribution.times(factor))
