"""What people are like: how they buy, what they like, how they answer, what they agree to, and who brought them.

Everybody has one of five planted personas, which shifts the distributions that the rest is drawn from.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.assortment import CATEGORIES, FOOD, HOMEWARE
from crm_pipeline.sample.calendar import FULL_DAYS

Floats = NDArray[np.float64]
TASTES = [f"taste_{number}" for number in range(len(CATEGORIES))]


@dataclass(frozen=True)
class Persona:
    """A planted kind of customer: factors of the means of everybody, and the weight of what they like."""

    name: str
    share: float
    rate: float
    spend: float
    leaving: float
    price_sensitivity: float
    responsiveness: float
    favourites: tuple[str, ...]


PERSONAS = (
    Persona("bargain hunter", 0.24, 0.9, 0.7, 1.4, 0.62, 1.5, ()),
    Persona("food lover", 0.24, 1.5, 0.85, 0.8, 0.2, 0.7, ("Tea and coffee", "Preserves", "Bakery", "Deli")),
    Persona("home maker", 0.2, 0.8, 1.6, 0.9, 0.25, 0.9, ("Kitchen", "Tableware", "Textiles", "Garden")),
    Persona("gift giver", 0.2, 0.5, 1.1, 1.2, 0.35, 1.2, ("Gifts", "Candles")),
    Persona("regular", 0.12, 1.9, 1.2, 0.5, 0.2, 0.8, (FOOD, HOMEWARE)),
)
# Share of the people it brings who shop online and in stores, factor of what they spend, factor of leaving.
ACQUISITION = {
    "search": (0.3, 0.06, 1.0, 1.0),
    "social": (0.2, 0.05, 0.75, 1.2),
    "referral": (0.14, 0.12, 1.25, 0.75),
    "organic": (0.2, 0.05, 1.1, 0.9),
    "store": (0.06, 0.7, 1.0, 0.95),
    "affiliate": (0.1, 0.02, 0.65, 1.5),
}


def draw_character(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the people with their latent character.

    Adds persona, first_day (when they first buy), acquisition, referrer (person or -1), satisfaction,
    price_sensitivity and service_sensitivity (0-1), responsiveness and engagement (mean about 1), purchase_rate (orders
    per busy-weighted day), dropout_probability (after each purchase), mean_spend (pence an order), return_share, tastes
    (shares of the categories), consent_email, consent_phone, consent_post (the wish at the end) and consent_changed_day
    (when the consent to e-mail was taken back, or -1).
    """
    kind = rng.choice(len(PERSONAS), len(people), p=[persona.share for persona in PERSONAS])
    drawn = people.assign(persona=np.array([persona.name for persona in PERSONAS], dtype=object)[kind])
    early = rng.random(len(people)) < 0.35
    drawn["first_day"] = np.where(early, rng.uniform(0, 60, len(people)), rng.uniform(0, FULL_DAYS - 1, len(people)))
    _draw_acquisition(drawn, rng)
    _draw_attitudes(drawn, kind, rng)
    _draw_buying(drawn, kind, rng)
    _draw_consents(drawn, rng)
    return drawn.assign(**dict(zip(TASTES, _tastes(kind, rng).T, strict=True)))


def _draw_acquisition(people: pd.DataFrame, rng: np.random.Generator) -> None:
    """Draw who came through what; a friend who brings others came earlier, and a few bring many."""
    count = len(people)
    shares = np.array([share[:2] for share in ACQUISITION.values()])
    online = np.searchsorted(np.cumsum(shares[:, 0]) / shares[:, 0].sum(), rng.random(count))
    stores = np.searchsorted(np.cumsum(shares[:, 1]) / shares[:, 1].sum(), rng.random(count))
    way = np.array(list(ACQUISITION), dtype=object)[np.where(people["in_shop"], online, stores)]
    by_age = np.argsort(people["first_day"].to_numpy(), kind="stable")
    rank = np.empty(count, dtype=np.int64)
    rank[by_age] = np.arange(count)
    brought = (way == "referral") & (rank > 0)
    friend = by_age[np.floor(rank * rng.random(count) ** 2).astype(np.int64)]
    people["acquisition"] = np.where((way == "referral") & ~brought, "organic", way)
    people["referrer"] = np.where(brought, friend, -1)


def _of(kind: NDArray[np.int64], name: str) -> Floats:
    return np.array([getattr(persona, name) for persona in PERSONAS])[kind]


def _draw_attitudes(people: pd.DataFrame, kind: NDArray[np.int64], rng: np.random.Generator) -> None:
    count = len(people)
    price = _of(kind, "price_sensitivity")
    people["price_sensitivity"] = rng.beta(6 * price, 6 * (1 - price))
    people["service_sensitivity"] = rng.beta(2, 2, count)
    people["satisfaction"] = rng.beta(6, 2.5, count)
    people["responsiveness"] = rng.gamma(1.5, 1 / 1.5, count) * _of(kind, "responsiveness")
    people["return_share"] = rng.beta(1.2, 22, count)


def _draw_buying(people: pd.DataFrame, kind: NDArray[np.int64], rng: np.random.Generator) -> None:
    count = len(people)
    ways = pd.DataFrame(ACQUISITION, index=["online", "stores", "spend", "leaving"]).T
    of_way = people["acquisition"].map
    people["purchase_rate"] = rng.gamma(1.6, 1 / 56, count) * _of(kind, "rate") + 1 / 600
    leaving = rng.beta(1.1, 13, count) * _of(kind, "leaving") * of_way(ways["leaving"])
    # Who is content stays: what people say in surveys tells something about what they will do.
    people["dropout_probability"] = np.clip(leaving * (2.0 - 1.4 * people["satisfaction"]), 0.002, 0.95)
    people["mean_spend"] = (rng.gamma(3.0, 1250, count) + 400) * _of(kind, "spend") * of_way(ways["spend"])
    keen = np.sqrt(people["purchase_rate"] / people["purchase_rate"].mean())
    people["engagement"] = keen * rng.gamma(4, 1 / 4, count)


def _tastes(kind: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    weights = np.full((len(PERSONAS), len(CATEGORIES)), 0.35)
    for row, persona in enumerate(PERSONAS):
        for place, (name, department, *_) in enumerate(CATEGORIES):
            weights[row, place] += 1.2 * (name in persona.favourites or department in persona.favourites)
    drawn = rng.gamma(weights[kind])
    return drawn / drawn.sum(axis=1, keepdims=True)


def _draw_consents(people: pd.DataFrame, rng: np.random.Generator) -> None:
    count = len(people)
    agreed = rng.random(count) < 0.62
    withdrew = agreed & (rng.random(count) < 0.12) & (people["first_day"] < FULL_DAYS - 60).to_numpy()
    day = np.floor(rng.uniform(np.minimum(people["first_day"] + 20, FULL_DAYS - 2), FULL_DAYS - 1)).astype(int)
    people["consent_email"] = agreed & ~withdrew
    people["consent_phone"] = rng.random(count) < 0.22
    people["consent_post"] = rng.random(count) < 0.4
    people["consent_changed_day"] = np.where(withdrew, day, -1)
