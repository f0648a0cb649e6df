"""The latent truth: who the people are, how they buy, and which systems know them.

Nobody but the truth files sees this; the source systems see what `records` lets them see.
"""

import numpy as np
import pandas as pd

from crm_pipeline.sample import names
from crm_pipeline.sample.assortment import CATEGORIES
from crm_pipeline.sample.calendar import FIRST_DAY, FULL_DAYS

SHARE_IN_BOTH = 0.35
SHARE_TILL_ONLY = 0.35
SHARE_IN_HOUSEHOLD = 0.08
TASTES = [f"taste_{number}" for number in range(len(CATEGORIES))]


def make_people(count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw `count` people: identity, address, systems, and the parameters of their buying."""
    people = pd.DataFrame({"person": np.arange(count)})
    _draw_identity(people, rng)
    _draw_households(people, rng)
    _draw_contacts(people, rng)
    _draw_systems(people, rng)
    _draw_buying(people, rng)
    return people


def _draw_identity(people: pd.DataFrame, rng: np.random.Generator) -> None:
    count = len(people)
    female = rng.random(count) < 0.58
    first = np.where(female, rng.choice(names.FEMALE, count), rng.choice(names.MALE, count))
    people["first_name"] = first.astype(object)
    popularity = 1 / (np.arange(len(names.LAST)) + 8.0)
    people["last_name"] = rng.choice(names.LAST, count, p=popularity / popularity.sum()).astype(object)
    people["gender"] = np.where(rng.random(count) < 0.015, "other", np.where(female, "female", "male"))
    ages = np.clip(rng.normal(46, 15, count), 18, 92)
    people["birth_date"] = FIRST_DAY - (ages * 365.25).astype(int) - rng.integers(0, 365, count)
    town = rng.choice(len(names.TOWNS), count, p=[share for _, _, share, _ in names.TOWNS])
    people["town"] = np.array([name for name, *_ in names.TOWNS], dtype=object)[town]
    area = np.array([area for _, area, *_ in names.TOWNS], dtype=object)[town]
    people["store"] = np.array([store for *_, store in names.TOWNS], dtype=object)[town]
    letters = np.array(list("ABDEFGHJLNPQRSTUWXYZ"), dtype=object)
    digits = rng.integers([1, 1], [29, 10], (count, 2))
    ending = letters[rng.integers(0, len(letters), count)] + letters[rng.integers(0, len(letters), count)]
    people["postcode"] = area + digits[:, 0].astype(str).astype(object) + " " + digits[:, 1].astype(str) + ending
    house = rng.integers(1, 180, count).astype(str).astype(object)
    people["street"] = house + " " + rng.choice(names.STREETS, count).astype(object)


def _draw_households(people: pd.DataFrame, rng: np.random.Generator) -> None:
    """Let some people live together: same family name and address, and later one e-mail address."""
    pairs = int(len(people) * SHARE_IN_HOUSEHOLD / 2)
    chosen = rng.choice(len(people), 2 * pairs, replace=False)
    people["household"] = -1
    first, second = chosen[:pairs], chosen[pairs:]
    household = people["household"].to_numpy().copy()
    household[first] = household[second] = np.arange(pairs)
    people["household"] = household
    for column in ("last_name", "street", "postcode", "town", "store"):
        values = people[column].to_numpy(copy=True)
        values[second] = values[first]
        people[column] = values
    people["shares_email_of"] = people["person"]
    borrowed = people["person"].to_numpy(copy=True)
    borrowers = rng.random(pairs) < 0.6
    borrowed[second[borrowers]] = first[borrowers]
    people["shares_email_of"] = borrowed


def _draw_contacts(people: pd.DataFrame, rng: np.random.Generator) -> None:
    ascii_first = _ascii(people["first_name"])
    ascii_last = _ascii(people["last_name"]).str.replace("'", "", regex=False)
    nth = people.groupby([ascii_first, ascii_last]).cumcount().to_numpy()
    number = np.where(nth > 0, (nth + 1).astype(str), "").astype(object)
    dot = rng.choice(["", ".", "_"], len(people), p=[0.35, 0.55, 0.1]).astype(object)
    domains = np.array(names.MAIL_DOMAINS, dtype=object)
    own = ascii_first + dot + ascii_last + number + "@" + domains[rng.integers(0, len(domains), len(people))]
    people["email"] = own.to_numpy()[people["shares_email_of"].to_numpy()]
    initial = ascii_first.str[0] + ascii_last + (np.arange(len(people)) + 11).astype(str)
    people["second_email"] = initial + "@" + domains[rng.integers(0, len(domains), len(people))]
    numbers = rng.choice(90_000_000, len(people), replace=False) + 410_000_000
    people["phone"] = ["07" + str(number) for number in numbers]


def _ascii(names_: pd.Series) -> pd.Series:
    folded = names_.str.normalize("NFKD").str.encode("ascii", "ignore").str.decode("ascii")
    return folded.str.lower()


def _draw_systems(people: pd.DataFrame, rng: np.random.Generator) -> None:
    """Spread people over the systems in exact shares, so that the stated overlap holds for any number of people."""
    count = len(people)
    both, till_only = round(count * SHARE_IN_BOTH), round(count * SHARE_TILL_ONLY)
    system = np.array(["shop"] * count, dtype=object)
    order = rng.permutation(count)
    system[order[:both]] = "both"
    system[order[both : both + till_only]] = "till"
    people["in_till"] = system != "shop"
    people["in_shop"] = system != "till"
    share = rng.beta(2, 2, count)
    people["web_share"] = np.where(system == "both", share, np.where(system == "shop", 1.0, 0.0))
    people["guest_only"] = people["in_shop"] & (rng.random(count) < 0.25)
    people["app_share"] = np.where(rng.random(count) < 0.3, rng.uniform(0.3, 0.9, count), 0.0)


def _draw_buying(people: pd.DataFrame, rng: np.random.Generator) -> None:
    count = len(people)
    early = rng.random(count) < 0.35
    people["first_day"] = np.where(early, rng.uniform(0, 60, count), rng.uniform(0, FULL_DAYS - 30, count))
    people["purchase_rate"] = rng.gamma(1.6, 1 / 50, count) + 1 / 600
    people["bargain_hunter"] = rng.beta(1.5, 4, count)
    leaving = rng.beta(1.1, 11, count) * (0.6 + 1.4 * people["bargain_hunter"])
    people["dropout_probability"] = np.clip(leaving, 0.002, 0.95)
    people["mean_spend"] = rng.gamma(3.0, 1250, count) + 400
    people["return_share"] = rng.beta(1.2, 22, count)
    tastes = rng.dirichlet(np.full(len(CATEGORIES), 0.6), count)
    people[TASTES] = tastes
