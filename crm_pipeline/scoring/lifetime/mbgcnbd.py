"""MBG/CNBD-k: MBG/NBD for people who buy more regularly than at random (Reutterer, Platzer and Schroeder, 2020).

An order is every k-th event of a random stream, so that gaps are Erlang-k distributed: k = 1 is MBG/NBD. How regular
buying is shows in the gaps alone (Wheat and Morrison, Estimating Purchase Regularity with Two Interpurchase Times,
1990). Somebody who is still there is in one of k phases since the last order; the number of events to come is negative
binomial from each, which gives the order days to come exactly, where the published forecast is an approximation.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaln, gammaln, psi

from crm_pipeline.scoring.lifetime.bgnbd import BgNbd, Outlook, PurchaseHistory, require_enough, scaled, some_of
from crm_pipeline.scoring.lifetime.likelihood import Observed, at_bound, maximise
from crm_pipeline.scoring.model import Floats, NotEnoughDataError

MOST_REGULAR = 6
_STARTS = ((0.5, 0.5, 0.5, 2.0), (1.0, 1.0, 1.0, 1.0), (2.0, 0.5, 0.5, 5.0))
_CHUNK, _MOST_EVENTS, _LEFT_OVER = 4_000, 6_000, 1e-7
_HALVINGS = 40


@dataclass(frozen=True)
class MbgCnbd:
    """A fitted MBG/CNBD-k model; `alpha` is in the time unit of the histories."""

    k: int
    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float

    def p_alive(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the probability that each person has not left by the cutoff."""
        parameters = np.array([self.r, self.alpha, self.a, self.b])
        gone, phases = _gone_and_phases(parameters, self.k, x, t_x, age)
        alive = np.logaddexp.reduce(phases, axis=0)
        return np.asarray(np.exp(alive - np.logaddexp(gone, alive)))

    def orders_if_alive(self, x: Floats, age: Floats, horizon: float) -> Floats:
        """Return about the expected number of order days of those who are there: as if the phase were unknown."""
        plain = BgNbd(self.r / self.k, self.alpha, self.a, self.b, 0.0, leaves_at_once=True)
        return plain.orders_if_alive(x, age, horizon)

    def expected_orders(self, x: Floats, t_x: Floats, age: Floats, horizon: float) -> Floats:
        """Return the expected number of order days in the `horizon` after the cutoff."""
        return self.outlook(x, t_x, age, horizon).orders

    def outlook(self, x: Floats, t_x: Floats, age: Floats, horizon: float) -> Outlook:
        """Return what the order days of the `horizon` are like; each distinct history is looked at once."""
        known, place = np.unique(np.column_stack([x, t_x, age]), axis=0, return_inverse=True)
        order = np.argsort((self.r + self.k * known[:, 0]) / (self.alpha + known[:, 2]), kind="stable")
        found = np.empty((len(known), 3))
        for rows in np.array_split(order, max(len(known) // _CHUNK, 1)):
            found[rows] = self._outlook(known[rows, 0], known[rows, 1], known[rows, 2], horizon)
        alive = self.p_alive(*known.T)
        none, orders, pairs = found.T
        whole = (1 - alive * (1 - none), alive * orders, alive * pairs)
        return Outlook(*(part[place.ravel()] for part in whole))

    def _outlook(self, x: Floats, t_x: Floats, age: Floats, horizon: float) -> Floats:
        """Return P(no order), E[N] and E[N (N - 1)] of people who are there, by summing over the events to come."""
        phases = np.exp(self._phases(x, t_x, age))
        shapes = [self.r + self.k * x + phase for phase in range(self.k)]
        log_q = np.log(horizon / (self.alpha + age + horizon))
        logs = [shape * np.log1p(-np.exp(log_q)) for shape in shapes]
        left = np.ones(len(x))
        none, orders, pairs = (np.zeros(len(x)) for _ in range(3))
        so_far, so_far_pairs, stays = (np.zeros(len(x)), np.zeros(len(x)), np.ones(len(x)))
        for events in range(_MOST_EVENTS):
            number = events // self.k
            if events % self.k == 0 and number > 0:
                so_far = so_far + stays
                so_far_pairs = so_far_pairs + 2 * (number - 1) * stays
                stays = stays * (self.b + x + number) / (self.a + self.b + x + number)
            mass = np.zeros(len(x))
            for phase in range(min(self.k, events + 1)):
                coming = events - phase
                mass += phases[phase] * np.exp(logs[phase])
                logs[phase] = logs[phase] + np.log((shapes[phase] + coming) / (coming + 1)) + log_q
            none += mass * (number == 0)
            orders += mass * so_far
            pairs += mass * so_far_pairs
            left -= mass
            if left.max() < _LEFT_OVER:
                break
        left = np.maximum(left, 0.0)
        return np.column_stack([none, orders + left * so_far, pairs + left * so_far_pairs])

    def _phases(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the logarithms of the chances of each phase, for people who are there."""
        _, phases = _gone_and_phases(np.array([self.r, self.alpha, self.a, self.b]), self.k, x, t_x, age)
        return np.asarray(phases - np.logaddexp.reduce(phases, axis=0))

    def next_order_days(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the median of the days until the next order, for people who are still there.

        From a phase, the time until the next order is beta prime distributed; the median is sought by halving.
        """
        phases, base = np.exp(self._phases(x, t_x, age)), self.alpha + age
        low, high = np.zeros(len(x)), np.ones(len(x))
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            reached = sum(
                phases[phase] * betainc(self.k - phase, self.r + self.k * x + phase, middle) for phase in range(self.k)
            )
            low, high = np.where(reached < 0.5, middle, low), np.where(reached < 0.5, high, middle)
        middle = (low + high) / 2
        return base * middle / np.maximum(1 - middle, 1e-12)


def regularity(variance: float) -> int:
    """Return k from the variance of the share that one of two neighbouring gaps has in both: 1 / (4 (2 k + 1))."""
    k = (1 - 4 * variance) / (8 * variance) if variance > 0 else MOST_REGULAR
    return int(np.clip(np.rint(k), 1, MOST_REGULAR))


def log_likelihood(parameters: Floats, history: PurchaseHistory, k: int) -> tuple[float, Floats]:
    """Return the weighted log-likelihood and its gradient by (r, alpha, a, b), without what depends on k alone."""
    r, alpha, a, b = parameters
    x, t_x, age, people = history.x, history.t_x, history.age, history.people
    gone, phases = _gone_and_phases(parameters, k, x, t_x, age)
    alive = np.logaddexp.reduce(phases, axis=0)
    either = np.logaddexp(gone, alive)
    p_gone, p_phase = np.exp(gone - either), np.exp(phases - either)
    shape, number = r + k * x, np.arange(k)[:, None]
    stays = b + x + 1
    common = gammaln(shape) - gammaln(r) + r * np.log(alpha) - shape * np.log(alpha + age)
    common = common + betaln(a, stays) - betaln(a, b)
    by_r = psi(shape) - psi(r) + np.log(alpha) - np.log(alpha + age)
    by_r = by_r + p_gone * (np.log(alpha + age) - np.log(alpha + t_x))
    by_r = by_r + (p_phase * (psi(shape + number) - psi(shape))).sum(axis=0)
    by_alpha = r / alpha - shape / (alpha + age) + p_gone * shape * (1 / (alpha + age) - 1 / (alpha + t_x))
    by_alpha = by_alpha - (p_phase * number).sum(axis=0) / (alpha + age)
    by_a = psi(a + b) - psi(a + stays) + p_gone / a
    by_b = psi(stays) - psi(a + stays) - psi(b) + psi(a + b) - p_gone / (b + x)
    gradient = [float((people * part).sum()) for part in (by_r, by_alpha, by_a, by_b)]
    return float((people * (common + either)).sum()), np.array(gradient)


def fit(history: PurchaseHistory, k: int) -> MbgCnbd:
    """Fit the model by weighted maximum likelihood, to a fixed part of many histories.

    Raises:
        NotEnoughDataError: if there are too few people or repeat buyers, or if the optimum is degenerate.
    """
    require_enough(history)
    part, scale = scaled(some_of(history))

    def observe(chosen: slice) -> Observed:
        some = part.some(chosen)
        return Observed(lambda candidate: log_likelihood(candidate, some, k), float(some.people.sum()))

    parameters, best = maximise(observe, len(part.x), _STARTS)
    if any(at_bound(float(value)) for value in parameters):
        raise NotEnoughDataError("The purchase histories do not tell buying and leaving apart (degenerate optimum).")
    r, alpha, a, b = (float(value) for value in parameters)
    orders = float((part.people * part.x).sum())
    return MbgCnbd(k, r, alpha * scale, a, b, best - k * orders * float(np.log(scale)))


def _gone_and_phases(parameters: Floats, k: int, x: Floats, t_x: Floats, age: Floats) -> tuple[Floats, Floats]:
    """Return the logarithms of having left after the last order, and of each phase of those who have not (k rows)."""
    r, alpha, a, b = parameters
    shape, number = r + k * x, np.arange(k)[:, None]
    gone = np.log(a) - np.log(b + x) + shape * (np.log(alpha + age) - np.log(alpha + t_x))
    since = np.log(np.maximum(age - t_x, 1e-300)) - np.log(alpha + age)
    return gone, gammaln(shape + number) - gammaln(shape) - gammaln(number + 1) + number * since
