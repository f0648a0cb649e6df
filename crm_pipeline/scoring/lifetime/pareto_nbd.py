"""Pareto/NBD: people leave at a time of their own, whenever they order (Schmittlein, Morrison and Colombo, 1987).

Orders come at a rate that differs between people (gamma: r, alpha), and so does the rate of leaving (gamma: s, beta).
The likelihood holds an integral over the time of leaving, between the last order and the cutoff (Fader and Hardie, A
Note on Deriving the Pareto/NBD Model, 2005); it is taken by Gauss with nodes that crowd where heavy buyers would have
left. Given that somebody is still there, both rates are gamma distributed and independent: the forecasts are closed, or
one integral.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, psi

from crm_pipeline.scoring.lifetime.bgnbd import Outlook, PurchaseHistory, require_enough, scaled, some_of
from crm_pipeline.scoring.lifetime.likelihood import Observed, at_bound, maximise
from crm_pipeline.scoring.model import Floats, NotEnoughDataError

_STARTS = ((0.5, 0.3, 0.6, 0.3), (1.0, 1.0, 1.0, 1.0), (0.3, 0.1, 0.3, 1.0))
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


@dataclass(frozen=True)
class ParetoNbd:
    """A fitted Pareto/NBD model; `alpha` and `beta` are in the time unit of the histories."""

    r: float
    alpha: float
    s: float
    beta: float
    log_likelihood: float

    def p_alive(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the probability that each person has not left by the cutoff."""
        parameters = np.array([self.r, self.alpha, self.s, self.beta])
        alive, gone, _ = _alive_and_gone(parameters, x, t_x, age)
        return np.asarray(np.exp(alive - np.logaddexp(alive, gone)))

    def orders_if_alive(self, x: Floats, age: Floats, horizon: float) -> Floats:
        """Return the expected number of order days in the `horizon` of those who are there at the cutoff."""
        s = self.s if abs(self.s - 1) > 1e-6 else 1 + 1e-6  # the closed form has a removable gap at s = 1
        there = self.beta + age
        stay = -there * np.expm1((s - 1) * np.log(there / (there + horizon))) / (s - 1)
        return (self.r + x) / (self.alpha + age) * stay

    def expected_orders(self, x: Floats, t_x: Floats, age: Floats, horizon: float) -> Floats:
        """Return the expected number of order days in the `horizon` after the cutoff."""
        return self.orders_if_alive(x, age, horizon) * self.p_alive(x, t_x, age)

    def outlook(self, x: Floats, t_x: Floats, age: Floats, horizon: float) -> Outlook:
        """Return what the order days of the `horizon` are like.

        Nobody orders who leaves, or reaches the end, before their first order; two orders are at any two times before
        a person leaves.
        """
        alive, shape = self.p_alive(x, t_x, age), self.r + x
        buys, stays = self.alpha + age, self.beta + age
        silent = (buys / (buys + horizon)) ** shape * (stays / (stays + horizon)) ** self.s
        pairs = np.zeros_like(buys)
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            u = horizon * (node + 1) / 2
            there = (stays / (stays + u)) ** self.s
            silent += weight * horizon / 2 * self.s / (stays + u) * there * (buys / (buys + u)) ** shape
            pairs += weight * horizon * u * there
        pairs *= shape * (shape + 1) / buys**2 * alive
        return Outlook(1 - alive * (1 - np.minimum(silent, 1.0)), self.orders_if_alive(x, age, horizon) * alive, pairs)

    def next_order_days(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the median of the days until the next order of those who are there and stay."""
        return (self.alpha + age) * np.expm1(np.log(2.0) / (self.r + x))


def log_likelihood(parameters: Floats, history: PurchaseHistory) -> tuple[float, Floats]:
    """Return the weighted log-likelihood and its gradient by (r, alpha, s, beta)."""
    r, alpha, s, beta = parameters
    x, age, people = history.x, history.age, history.people
    alive, gone, when_gone = _alive_and_gone(parameters, x, history.t_x, age)
    either = np.logaddexp(alive, gone)
    p_still, p_gone = np.exp(alive - either), np.exp(gone - either)
    if_alive = (-np.log(alpha + age), -(r + x) / (alpha + age), -np.log(beta + age), -s / (beta + age))
    parts = [p_still * still + p_gone * left for still, left in zip(if_alive, when_gone, strict=True)]
    parts[0] = parts[0] + psi(r + x) - psi(r) + np.log(alpha)
    parts[1] = parts[1] + r / alpha
    parts[2] = parts[2] + np.log(beta)
    parts[3] = parts[3] + s / beta
    constant = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    return float((people * (constant + either)).sum()), np.array([float((people * part).sum()) for part in parts])


def fit(history: PurchaseHistory) -> ParetoNbd:
    """Fit the model by weighted maximum likelihood, to a fixed part of many histories.

    Raises:
        NotEnoughDataError: if there are too few people or repeat buyers, or if the optimum is degenerate.
    """
    require_enough(history)
    part, scale = scaled(some_of(history))

    def observe(chosen: slice) -> Observed:
        some = part.some(chosen)
        return Observed(lambda candidate: log_likelihood(candidate, some), float(some.people.sum()))

    parameters, best = maximise(observe, len(part.x), _STARTS)
    r, alpha, s, beta = (float(value) for value in parameters)
    if any(at_bound(value) for value in (r, alpha, s, beta)):
        raise NotEnoughDataError("The purchase histories do not tell buying and leaving apart (degenerate optimum).")
    orders = float((part.people * part.x).sum())
    return ParetoNbd(r, alpha * scale, s, beta * scale, best - orders * float(np.log(scale)))


def _alive_and_gone(
    parameters: Floats, x: Floats, t_x: Floats, age: Floats
) -> tuple[Floats, Floats, tuple[Floats, Floats, Floats, Floats]]:
    """Return the logarithms of the two ways to be silent since the last order, and the gradient of the second.

    With w = log((alpha + u) / (alpha + t_x)) and y = 1 - exp(-(r + x) w) the integrand hardly changes with y.
    """
    r, alpha, s, beta = parameters
    shape, last = r + x, alpha + t_x
    alive = -shape * np.log(alpha + age) - s * np.log(beta + age)
    width = -np.expm1(-shape * np.log((alpha + age) / last))
    y = width[:, None] * (_NODES + 1) / 2
    w = -np.log1p(-y) / shape[:, None]
    buys = last[:, None] * np.exp(w)
    stays = buys - alpha + beta
    log_stays = np.log(stays)
    each = _WEIGHTS * np.exp(w - (s + 1) * log_stays)
    total = np.maximum(each.sum(axis=1), 1e-300)
    share = each / total[:, None]
    gone = np.log(s) - (shape - 1) * np.log(last) - np.log(shape) + np.log(np.maximum(width, 1e-300) / 2)
    gradient = (
        -(share * np.log(buys)).sum(axis=1),
        -shape * (share / buys).sum(axis=1),
        1 / s - (share * log_stays).sum(axis=1),
        -(s + 1) * (share / stays).sum(axis=1),
    )
    return alive, gone + np.log(total), gradient
