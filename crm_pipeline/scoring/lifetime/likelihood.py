"""Maximum likelihood with analytic gradients, in the logarithm of positive parameters."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from crm_pipeline.scoring.frame import Floats, NotEnoughDataError
from crm_pipeline.scoring.learning import one_thread

LOWER, UPPER = 1e-5, 1e5
"""Bounds of every parameter, after data have been scaled to a mean of 1."""

Likelihood = Callable[[Floats], tuple[float, Floats]]
"""Takes positive parameters; gives the log-likelihood and its gradient by those parameters."""


def maximise(likelihood: Likelihood, starts: Sequence[Sequence[float]], weight: float) -> tuple[Floats, float]:
    """Return the parameters with the greatest log-likelihood found from several fixed starts, and that likelihood.

    Args:
        likelihood: the function to maximise.
        starts: starting points; fixed, so that a fit can be repeated.
        weight: number of observations; the objective is the mean, so that tolerances do not depend on the data's size.

    Raises:
        NotEnoughDataError: if no start gives a finite optimum.
    """

    def objective(logarithms: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logarithms)
        value, gradient = likelihood(parameters)
        return -value / weight, -gradient * parameters / weight

    bounds = [(np.log(LOWER), np.log(UPPER))] * len(starts[0])

    def search(start: Floats, tolerance: float) -> OptimizeResult:
        options = {"maxiter": 2000, "ftol": tolerance, "gtol": tolerance**0.5}
        return minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)

    with one_thread():
        fits = [search(np.log(start), 1e-7) for start in starts]
        finite = [fit for fit in fits if np.isfinite(fit.fun) and np.all(np.isfinite(fit.x))]
        if not finite:
            raise NotEnoughDataError("The likelihood has no finite optimum on this data.")
        # Only the best start is followed to the end, where the parameters no longer depend on the path.
        best = search(min(finite, key=lambda fit: fit.fun).x, 1e-15)
    return np.exp(best.x), -float(best.fun) * weight


def at_bound(parameter: float) -> bool:
    """Tell whether a (scaled) parameter ran into a bound, where the optimum means nothing."""
    return parameter <= LOWER * 1.01 or parameter >= UPPER / 1.01
