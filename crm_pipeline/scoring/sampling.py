"""A share of the people, the same ones at every date and in every model, evenly spread however they are numbered."""

ALL, _SPREAD = 10_007, 4_001  # primes: neighbouring keys fall far apart


def is_sampled(key: str) -> str:
    """Return the SQL condition on a whole number; its parameter `$parts` is what `parts` returns."""
    return f"((abs({key}) % {ALL}) * {_SPREAD}) % {ALL} < $parts"


IS_SAMPLED = is_sampled("customer_key")
"""The condition on a person."""


def parts(wanted: int, found: int) -> int:
    """Return how much to take for about `wanted` of `found` rows or people; at least something, at most everybody."""
    return min(ALL, max(1, ALL * wanted // max(found, 1)))
