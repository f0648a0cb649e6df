"""Maximum likelihood with analytic gradients, in the logarithm of positive parameters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from crm_pipeline.scoring.learning import one_thread
from crm_pipeline.scoring.model import Floats, NotEnoughDataError

LOWER, UPPER = 1e-5, 1e5
"""Bounds of every parameter, after data have been scaled to a mean of 1."""
ENOUGH_TO_START = 20_000
"""Distinct observations that tell which of the starts leads to the optimum; it is then sought with all of them."""

Likelihood = Callable[[Floats], tuple[float, Floats]]
"""Takes positive parameters; gives the log-likelihood and its gradient by those parameters."""


@dataclass(frozen=True)
class Observed:
    """The likelihood of observations, and how many they are.

    The objective is the mean, so that tolerances do not depend on the data's size.
    """

    likelihood: Likelihood
    weight: float

    def objective(self, logarithms: Floats) -> tuple[float, Floats]:
        """Return what to minimise, and its gradient, by the logarithms of the parameters."""
        parameters = np.exp(logarithms)
        value, gradient = self.likelihood(parameters)
        return -value / self.weight, -gradient * parameters / self.weight


def maximise(
    observe: Callable[[slice], Observed], rows: int, starts: Sequence[Sequence[float]]
) -> tuple[Floats, float]:
    """Return the parameters with the greatest log-likelihood found from several fixed starts, and that likelihood.

    Args:
        observe: gives the observations of some rows, which are in a fixed order.
        rows: how many there are.
        starts: starting points; fixed, so that a fit can be repeated.

    Raises:
        NotEnoughDataError: if no start gives a finite optimum.
    """
    some, everything = observe(slice(None, None, max(rows // ENOUGH_TO_START, 1))), observe(slice(None))
    bounds = [(np.log(LOWER), np.log(UPPER))] * len(starts[0])

    def search(observed: Observed, start: Floats, tolerance: float) -> OptimizeResult:
        options = {"maxiter": 2000, "ftol": tolerance, "gtol": tolerance**0.5}
        return minimize(observed.objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)

    with one_thread():
        fits = [search(some, np.log(start), 1e-7) for start in starts]
        finite = [fit for fit in fits if np.isfinite(fit.fun) and np.all(np.isfinite(fit.x))]
        if not finite:
            raise NotEnoughDataError("The likelihood has no finite optimum on this data.")
        # Only the best start is followed to the end, where the parameters no longer depend on the path.
        best = search(everything, min(finite, key=lambda fit: fit.fun).x, 1e-15)
    return np.exp(best.x), -float(best.fun) * everything.weight


def at_bound(parameter: float) -> bool:
    """Tell whether a (scaled) parameter ran into a bound, where the optimum means nothing."""
    return parameter <= LOWER * 1.01 or parameter >= UPPER / 1.01
