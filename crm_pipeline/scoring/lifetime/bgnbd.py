"""BG/NBD: how often a person buys while alive, and whether they still are (Fader, Hardie and Lee, 2005).

MBG/NBD is the same with one difference: people may leave after their first order already, which is no repeat
(Batislam, Denizel and Filiztekin, 2007). It has `leaves_at_once`, and its beta distribution of staying is one ahead.

Orders come at a rate that differs between people (gamma: r, alpha); after each order a person leaves with a chance
that differs between people (beta: a, b). A person is known by x (repeat order days), t_x (age at the last one) and
age (days from the first order day to the cutoff). Everything is in log space or in forms that stay finite for any x.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.special import expit, gammaln, hyp2f1, psi

from crm_pipeline.scoring.lifetime.likelihood import Observed, at_bound, maximise
from crm_pipeline.scoring.model import Floats, NotEnoughDataError

MIN_PEOPLE = 200
MIN_REPEATERS = 100
MOST_HISTORIES = 8_000
MAX_A, MAX_R = 200.0, 200.0
_STARTS = ((0.5, 0.5, 0.5, 2.0), (1.0, 1.0, 1.0, 1.0), (0.2, 0.2, 0.2, 5.0))
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True)
class PurchaseHistory:
    """Distinct purchase histories and how many people have each."""

    x: Floats
    t_x: Floats
    age: Floats
    people: Floats

    @cached_property
    def levels(self) -> tuple[Floats, Floats]:
        """The distinct x and the number of people at each: most of the likelihood depends on x alone."""
        levels, place = np.unique(self.x, return_inverse=True)
        return levels, np.bincount(place, weights=self.people).astype(np.float64)

    def some(self, chosen: slice) -> "PurchaseHistory":
        """Return a part of the histories."""
        return PurchaseHistory(self.x[chosen], self.t_x[chosen], self.age[chosen], self.people[chosen])


@dataclass(frozen=True)
class Outlook:
    """The number N of order days to come: P(N = 0), E[N], and E[N (N - 1)], which gives the variance."""

    none: Floats
    orders: Floats
    pairs: Floats


class OrderProcess(Protocol):
    """A fitted model of when people buy and whether they are still there; times are days."""

    def p_alive(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the probability that each person has not left by the cutoff."""

    def orders_if_alive(self, x: Floats, age: Floats, horizon: float) -> Floats:
        """Return the expected number of order days in the `horizon` of those who are there at the cutoff."""

    def expected_orders(self, x: Floats, t_x: Floats, age: Floats, horizon: float) -> Floats:
        """Return the expected number of order days in the `horizon` after the cutoff."""

    def outlook(self, x: Floats, t_x: Floats, age: Floats, horizon: float) -> Outlook:
        """Return what the order days of the `horizon` are like."""

    def next_order_days(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the median of the days until the next order, for people who are still there."""


@dataclass(frozen=True)
class BgNbd:
    """A fitted BG/NBD model; `alpha` is in the time unit of the histories."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    leaves_at_once: bool = False

    @property
    def stay(self) -> float:
        """The beta parameter of staying for people who are alive and have not come back yet."""
        return self.b + self.leaves_at_once

    def p_alive(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the probability that each person has not left by the cutoff (1 for those who never came back)."""
        left = (
            np.log(self.a)
            - np.log(np.maximum(self.stay + x - 1, 1e-300))
            + (self.r + x) * (np.log(self.alpha + age) - np.log(self.alpha + t_x))
        )
        return np.where(x + self.leaves_at_once > 0, expit(-left), 1.0)

    def orders_if_alive(self, x: Floats, age: Floats, horizon: float) -> Floats:
        """Return the expected number of order days in the `horizon` of those who are there at the cutoff."""
        a = self.a if abs(self.a - 1) > 1e-6 else 1 + 1e-6  # the closed form has a removable gap at a = 1
        z = horizon / (self.alpha + age + horizon)
        # Euler's transformation: its first two arguments do not grow with x, so that heavy buyers cannot overflow it.
        series = hyp2f1(a + self.stay - 1 - self.r, a - 1, a + self.stay + x - 1, z)
        if_alive = (a + self.stay + x - 1) / (a - 1) * (1 - np.exp((a - 1) * np.log1p(-z)) * series)
        return np.maximum(if_alive, 0)

    def expected_orders(self, x: Floats, t_x: Floats, age: Floats, horizon: float) -> Floats:
        """Return the expected number of order days in the `horizon` after the cutoff."""
        return self.orders_if_alive(x, age, horizon) * self.p_alive(x, t_x, age)

    def p_no_order(self, x: Floats, t_x: Floats, age: Floats, horizon: float) -> Floats:
        """Return the probability of not a single order in the `horizon` after the cutoff."""
        silent = np.exp((self.r + x) * (np.log(self.alpha + age) - np.log(self.alpha + age + horizon)))
        alive = self.p_alive(x, t_x, age)
        return 1 - alive * (1 - silent)

    def expected_order_pairs(self, x: Floats, t_x: Floats, age: Floats, horizon: float) -> Floats:
        """Return E[N (N - 1)] for the number N of order days in the horizon; with E[N] it gives the variance.

        Two orders at s < u both happen with density rate^2 (1 - p) exp(-rate p u), whatever s is. Averaged over the
        person's posterior this is a hypergeometric function of u alone (Pfaff's form: stable), integrated by Gauss.
        """
        base = self.alpha + age
        total = np.zeros_like(base)
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            u = horizon * (node + 1) / 2
            series = hyp2f1(self.a + self.stay - 1 - self.r, self.a, self.a + self.stay + x + 1, u / (base + u))
            total += weight * horizon / 2 * u * np.exp(-self.a * np.log1p(u / base)) * series
        shape = self.r + x
        stays = (self.stay + x) / (self.a + self.stay + x)
        return 2 * shape * (shape + 1) / base**2 * stays * total * self.p_alive(x, t_x, age)

    def outlook(self, x: Floats, t_x: Floats, age: Floats, horizon: float) -> Outlook:
        """Return what the order days of the `horizon` are like."""
        state = (x, t_x, age, horizon)
        return Outlook(self.p_no_order(*state), self.expected_orders(*state), self.expected_order_pairs(*state))

    def next_order_days(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the median of the days until the next order, for people who are still there.

        Their rate is gamma distributed (r + x, alpha + age), so P(none in t days) = ((alpha + age) / (alpha + age +
        t))^(r + x); the median solves it for 1/2.
        """
        return (self.alpha + age) * np.expm1(np.log(2.0) / (self.r + x))


def log_likelihood(parameters: Floats, history: PurchaseHistory, leaves_at_once: bool = False) -> tuple[float, Floats]:
    """Return the weighted log-likelihood and its gradient by (r, alpha, a, b).

    Sums are numpy's own, not BLAS dot products, whose order depends on the number of threads.
    """
    r, alpha, a, b = parameters
    x, people = history.x, history.people
    stayed = x + leaves_at_once
    may_be_gone = stayed > 0
    log_age, log_t = np.log(alpha + history.age), np.log(alpha + history.t_x)
    after = np.where(may_be_gone, b + stayed - 1, 1.0)
    # A person who came back once at least is still alive, or left right after the last order.
    alive = -(r + x) * log_age
    gone = np.where(may_be_gone, np.log(a) - np.log(after) - (r + x) * log_t, -np.inf)
    either = np.logaddexp(alive, gone)
    p_gone = np.exp(gone - either)
    p_still = 1 - p_gone
    by_r = -p_still * log_age - p_gone * log_t
    by_alpha = -(r + x) * (p_still / (alpha + history.age) + p_gone / (alpha + history.t_x))
    gradient = np.array([float((people * part).sum()) for part in (by_r, by_alpha, p_gone / a, -p_gone / after)])
    constant, constant_gradient = _by_x_alone(parameters, *history.levels, leaves_at_once)
    return float((people * either).sum()) + constant, gradient + constant_gradient


def _by_x_alone(parameters: Floats, x: Floats, people: Floats, leaves_at_once: bool) -> tuple[float, Floats]:
    """Return the terms of the likelihood that depend on x alone, and their gradient."""
    r, alpha, a, b = parameters
    stayed = x + leaves_at_once
    value = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    value = value + gammaln(a + b) + gammaln(b + stayed) - gammaln(b) - gammaln(a + b + stayed)
    by_a = psi(a + b) - psi(a + b + stayed)
    parts = (psi(r + x) - psi(r) + np.log(alpha), np.full_like(x, r / alpha), by_a, by_a + psi(b + stayed) - psi(b))
    return float((people * value).sum()), np.array([float((people * part).sum()) for part in parts])


def require_enough(history: PurchaseHistory) -> None:
    """Refuse to fit a model of buying and leaving to a handful of people.

    Raises:
        NotEnoughDataError: if there are too few people or repeat buyers.
    """
    people = float(history.people.sum())
    repeaters = float(history.people[history.x > 0].sum())
    if people < MIN_PEOPLE or repeaters < MIN_REPEATERS:
        raise NotEnoughDataError(
            f"Needs {MIN_PEOPLE} buyers and {MIN_REPEATERS} repeat buyers; has {people:.0f} and {repeaters:.0f}."
        )


def scaled(history: PurchaseHistory) -> tuple[PurchaseHistory, float]:
    """Return histories in units of their mean age, and that age."""
    scale = float((history.people * history.age).sum()) / float(history.people.sum())
    return PurchaseHistory(history.x, history.t_x / scale, history.age / scale, history.people), scale


def some_of(history: PurchaseHistory) -> PurchaseHistory:
    """Return a fixed part of many histories, enough for models whose likelihood takes long."""
    return history.some(slice(None, None, max(len(history.x) // MOST_HISTORIES, 1)))


def fit(history: PurchaseHistory, leaves_at_once: bool = False) -> BgNbd:
    """Fit the model by weighted maximum likelihood.

    Raises:
        NotEnoughDataError: if there are too few people or repeat buyers, or if the optimum is degenerate.
    """
    require_enough(history)
    known, scale = scaled(history)

    def observe(chosen: slice) -> Observed:
        part = known.some(chosen)
        return Observed(lambda candidate: log_likelihood(candidate, part, leaves_at_once), float(part.people.sum()))

    parameters, best = maximise(observe, len(known.x), _STARTS)
    r, alpha, a, b = (float(value) for value in parameters)
    # A very large a and b only say that all people leave with the same chance, a very large r and alpha that all buy at
    # the same rate, as subscribers do; the other bounds mean no optimum.
    same_rate = r >= MAX_R and len(history.x) > 1
    if (not same_rate and (at_bound(r) or at_bound(alpha))) or (at_bound(b) and b < 1):
        raise NotEnoughDataError("The purchase histories do not tell buying and leaving apart (degenerate optimum).")
    # With these so large everybody is all but the same; beyond them the forecast's series overflows.
    a, b = (value * min(1.0, MAX_A / a) for value in (a, b))
    r, alpha = (value * min(1.0, MAX_R / r) for value in (r, alpha))
    orders = float((history.people * history.x).sum())
    return BgNbd(r, alpha * scale, a, b, best - orders * float(np.log(scale)), leaves_at_once)
