"""What being treated changes: the difference of two groups' means, plain and adjusted for what was so before.

Everything follows from sums, which a database adds up exactly: no row of a person leaves it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt

from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Moments:
    """Sums over a group: its people, an outcome y, and the same measure x before the treatment."""

    people: int
    y: Fraction
    yy: Fraction
    x: Fraction = Fraction(0)
    xx: Fraction = Fraction(0)
    xy: Fraction = Fraction(0)

    @classmethod
    def of(cls, values: Iterable[float]) -> "Moments":
        """Return the moments of outcomes alone."""
        exact = [Fraction(value) for value in values]
        return cls(len(exact), sum(exact, Fraction(0)), sum((value * value for value in exact), Fraction(0)))

    @property
    def mean(self) -> Fraction:
        """Mean outcome of a person."""
        return self.y / self.people

    def deviations(self) -> tuple[Fraction, Fraction, Fraction]:
        """Return the sums of squared deviations of y and of x from their means, and of their products."""
        return (
            self.yy - self.y * self.y / self.people,
            self.xx - self.x * self.x / self.people,
            self.xy - self.x * self.y / self.people,
        )

    def adjusted(self, theta: Fraction) -> "Moments":
        """Return the moments of y - theta * x."""
        yy = self.yy - 2 * theta * self.xy + theta * theta * self.xx
        return Moments(self.people, self.y - theta * self.x, yy)


@dataclass(frozen=True)
class Effect:
    """A difference of means with its standard error, its 95 % interval and the probability of one so large by chance.

    `variance_reduction` is the share of the plain difference's variance that an adjustment took away.
    """

    value: float
    error: float
    lower: float
    upper: float
    p_value: float
    variance_reduction: float | None = None

    @property
    def is_conclusive(self) -> bool:
        """Whether the interval leaves out no effect at all."""
        return self.lower > 0 or self.upper < 0


def figures(effect: Effect | None, prefix: str = "") -> dict[str, float | None]:
    """Return an effect as the columns of a table; empty ones where there is none."""
    values = (effect.value, effect.lower, effect.upper, effect.p_value) if effect else (None,) * 4
    names = ("effect", "effect_lower", "effect_upper", "p_value")
    return {f"{prefix}{name}": value for name, value in zip(names, values, strict=True)}


def difference(treated: Moments, control: Moments) -> Effect | None:
    """Return how far the mean outcome of the treated is above that of the others (B. L. Welch, 1947).

    The groups may vary differently. None where a group is a single person, or where nobody differs from anybody.
    """
    if min(treated.people, control.people) < 2:
        return None
    parts = [float(one.deviations()[0] / (one.people - 1) / one.people) for one in (treated, control)]
    variance = sum(parts)
    if variance <= 0:
        return None
    freedom = variance**2 / sum(part**2 / (one.people - 1) for part, one in zip(parts, (treated, control), strict=True))
    return _effect(float(treated.mean - control.mean), sqrt(variance), freedom)


def cuped(treated: Moments, control: Moments) -> Effect | None:
    """Return the difference that is left when each outcome is corrected for the same person's measure before.

    See A. Deng, Y. Xu, R. Kohavi, T. Walker, Improving the sensitivity of online controlled experiments by utilizing
    pre-experiment data, 2013. The slope is that within the groups, so that no effect is mistaken for history. None
    where nobody differed before, or where nothing varies.
    """
    plain = difference(treated, control)
    _, xx, xy = (sum(both) for both in zip(treated.deviations(), control.deviations(), strict=True))
    if plain is None or xx <= 0:
        return None
    theta = Fraction(xy) / xx
    adjusted = difference(treated.adjusted(theta), control.adjusted(theta))
    if adjusted is None:
        return None
    reduction = 1 - (adjusted.error / plain.error) ** 2
    return Effect(**{**vars(adjusted), "variance_reduction": reduction})


def _effect(value: float, error: float, freedom: float) -> Effect:
    margin = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    p_value = float(2 * stats.t.sf(abs(value) / error, freedom))
    return Effect(value, error, value - margin, value + margin, p_value)
