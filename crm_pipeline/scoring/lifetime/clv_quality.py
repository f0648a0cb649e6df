"""Whether lifetime values can be true at all, judged by what customers have brought so far."""

import pyarrow as pa
import pyarrow.compute as pc

TIMES = 10
"""Nobody is believed to bring more in a year than so many times what the best customer has brought since the start."""
_MONTHS = 12


def complaints(scores: pa.Table, horizon_months: int) -> list[str]:
    """Return a sentence when values are out of all proportion; none when they are plausible.

    Args:
        scores: the table `clv`, one row per buyer; amounts are margins in the business currency.
        horizon_months: months that the values look ahead.
    """
    best = pc.max(scores["clv_historic"]).as_py()
    if best is None or best <= 0:
        return []
    limit = TIMES * best * max(horizon_months / _MONTHS, 1.0)
    above = pc.sum(pc.greater(scores["clv_predicted"], limit)).as_py() or 0
    largest = pc.max(scores["clv_predicted"]).as_py()
    found = f"{above:,} people are expected to bring more than {limit:,.0f} each, up to {largest:,.0f}"
    return [f"{found}; the best customer so far has brought {best:,.0f}."] if above else []
