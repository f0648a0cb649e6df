"""Figures as people read them."""

from datetime import date
from decimal import Decimal

NOTHING = "-"
_MONEY_UNITS = ("money", "money per customer")
_SHARES = ("share", "rate", "probability", "confidence")
_WHOLE = 100


def told(value: object, unit: str = "") -> str:
    """Return a figure as text: a share in percent, money and large figures without decimals.

    Args:
        value: the figure; None where there is none.
        unit: unit as in `kpi_definitions`.
    """
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float | Decimal):
        return str(value)
    if unit == "share":
        return f"{value:.1%}"
    size = abs(float(value))
    if size >= _WHOLE or size.is_integer():
        return f"{value:,.0f}"
    return f"{value:,.2f}" if unit in _MONEY_UNITS or size < 1 else f"{value:,.1f}"


def among(unit: str, denominator: float | None) -> str:
    """Say of how many a share is one: a quarter of four is no news."""
    return f"of {told(denominator)}" if unit == "share" and denominator else ""


def unit_of(column: str) -> str:
    """Tell the unit of a figure from the name of its column: a share, or one that needs no unit."""
    return "share" if column.startswith("share") or column.endswith(_SHARES) else ""


def spoken(name: str) -> str:
    """Return the name of a column or figure in words."""
    return name.replace("_", " ")


def month(day: date) -> str:
    """Return the month of a day."""
    return f"{day:%b %Y}"


def change(value: float | None) -> str:
    """Return a relative change in percent with its sign."""
    return NOTHING if value is None else f"{value:+.1%}"
