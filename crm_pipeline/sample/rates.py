"""What the other currencies are worth: a smooth function of the day, so that a file and an order agree on each rate."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Level in pounds, swing, and days of one swing.
_CURRENCIES = {"EUR": (0.855, 0.021, 410.0), "USD": (0.79, 0.034, 290.0)}
CURRENCIES = tuple(_CURRENCIES)


def rate(currency: str, day: ArrayLike) -> NDArray[np.float64]:
    """Return what one unit of a currency is worth in pounds on these day numbers, to six decimals.

    Raises:
        KeyError: if the currency is none of `CURRENCIES`.
    """
    level, swing, length = _CURRENCIES[currency]
    days = np.asarray(day, dtype=np.float64)
    slow, quick = np.sin(2 * np.pi * days / length), np.sin(2 * np.pi * days / 23)
    # Six decimals also hide the last bits, in which machines differ.
    return np.round(level + swing * slow + swing / 9 * quick, 6)
