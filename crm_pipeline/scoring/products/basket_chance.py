"""How often two items would meet by chance in baskets of the sizes that there are.

Where some baskets are large, everything meets everything more often than its share of all baskets tells. The chance of
an item to be in a basket is taken for odds that are a product of what the item and what the size contribute (Rasch,
1960), such that items have the counts and baskets the sizes that they have; nothing else ties two items together.
"""

import numpy as np

from crm_pipeline.scoring.model import Floats

_STEPS, _MOST_ODDS = 60, 1e9


def expected_together(one: Floats, other: Floats, counts: Floats, sizes: Floats, baskets: Floats) -> Floats:
    """Return how many baskets would hold both items of each pair by chance.

    Args:
        one: baskets that hold the first item of each pair.
        other: baskets that hold the second one.
        counts: of each item, how many baskets hold it; together as many as the baskets have places.
        sizes: different items in a basket.
        baskets: how many there are of each size.
    """
    known, items = np.unique(counts, return_counts=True)
    shares = _shares(known, items.astype(np.float64), sizes, baskets)
    left, right = shares[np.searchsorted(known, one)], shares[np.searchsorted(known, other)]
    # The first item takes a place of the basket: the other has what its share leaves it of the places that remain.
    room = (sizes - 1) / np.maximum(sizes - np.maximum(left, right), 1e-9)
    return (left * right * np.minimum(room, 1)) @ baskets


def _shares(counts: Floats, items: Floats, sizes: Floats, baskets: Floats) -> Floats:
    """Return the share of baskets of each size that hold an item of each count."""
    of_item, of_size = counts / baskets.sum(), sizes / sizes.mean()
    for _ in range(_STEPS):
        shares = _probability(of_item, of_size)
        of_size = np.minimum(of_size * sizes / (items @ shares), _MOST_ODDS)
        shares = _probability(of_item, of_size)
        of_item = np.minimum(of_item * counts / (shares @ baskets), _MOST_ODDS)
    return _probability(of_item, of_size)


def _probability(of_item: Floats, of_size: Floats) -> Floats:
    odds = np.outer(of_item, of_size)
    return odds / (1 + odds)
