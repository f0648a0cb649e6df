"""The latent truth: who the people are, where they live, and which systems know them.

Nobody but the truth files sees this; the source systems see what `records` lets them see.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample import names
from crm_pipeline.sample.calendar import FIRST_DAY, FULL_DAYS
from crm_pipeline.sample.character import draw_character

SHARE_IN_BOTH = 0.35
SHARE_TILL_ONLY = 0.35
SHARE_IN_HOUSEHOLD = 0.08
SHARE_CHINESE = 0.06
# Of those who buy in the web shop alone: there is no store in Portugal.
SHARE_PORTUGUESE = 0.28
SHARE_MOVED = 0.08


@dataclass(frozen=True)
class Part:
    """A part of the company. Ids and identifiers of different parts never meet.

    Attributes:
        number: which part, from 0.
        of: how many parts there are.
        first: number of its first person in the company.
    """

    number: int = 0
    of: int = 1
    first: int = 0

    @property
    def suffix(self) -> str:
        """What the names of the part's files end in."""
        return f"-p{self.number:03d}" if self.of > 1 else ""

    def first_id(self, start: int, room: int) -> int:
        """Return where this part's numbers of one kind begin, if each part has room for so many."""
        return start + self.number * room


def make_people(count: int, rng: np.random.Generator, part: Part) -> pd.DataFrame:
    """Draw `count` people: identity, address, systems, and the character that `character.draw_character` gives.

    Returns:
        One row per person: person (from 0), first_name, last_name, native_first and native_last (in characters where
        script is 'chinese'), country (GB, PT), script, language (en, zh, pt), gender, birth_date, street, postcode,
        town, store, household
        (person whose home is shared, -1: none), shares_email_of, email, second_email, phone, social_handle
        (platform:name, '' for most), moved_day (-1: never) with new_street, new_postcode and new_town, in_till,
        in_shop, guest_only, web_share, app_share; then the columns of the character.
    """
    people = pd.DataFrame({"person": np.arange(count)})
    _draw_systems(people, rng)
    _draw_identity(people, rng)
    _draw_addresses(people, rng)
    _draw_households(people, rng)
    _draw_contacts(people, rng, part)
    _draw_moves(people, rng)
    return draw_character(people, rng)


def _draw_identity(people: pd.DataFrame, rng: np.random.Generator) -> None:
    count = len(people)
    female = rng.random(count) < 0.58
    first = np.where(female, rng.choice(names.FEMALE, count), rng.choice(names.MALE, count)).astype(object)
    popularity = 1 / (np.arange(len(names.LAST)) + 8.0)
    last = rng.choice(names.LAST, count, p=popularity / popularity.sum()).astype(object)
    chinese = rng.random(count) < SHARE_CHINESE
    given = np.where(female[:, None], _pick(names.CHINESE_FEMALE, count, rng), _pick(names.CHINESE_MALE, count, rng))
    family = _pick(names.CHINESE_LAST, count, rng)
    portuguese = (people["country"] == "PT").to_numpy()
    chinese &= ~portuguese
    local = np.where(
        female, rng.choice(names.PORTUGUESE_FEMALE, count), rng.choice(names.PORTUGUESE_MALE, count)
    ).astype(object)
    people["first_name"] = np.where(chinese, given[:, 1], np.where(portuguese, local, first))
    people["last_name"] = np.where(chinese, family[:, 1], np.where(portuguese, _surnames(count, rng), last))
    people["native_first"] = np.where(chinese, given[:, 0], people["first_name"])
    people["native_last"] = np.where(chinese, family[:, 0], people["last_name"])
    people["script"] = np.where(chinese, "chinese", "latin").astype(object)
    at_home = np.where(chinese, "zh", np.where(portuguese, "pt", "en"))
    people["language"] = np.where(rng.random(count) < np.where(portuguese, 0.92, 0.7), at_home, "en").astype(object)
    people["gender"] = np.where(rng.random(count) < 0.015, "other", np.where(female, "female", "male"))
    ages = np.clip(rng.normal(46, 15, count), 18, 92)
    people["birth_date"] = FIRST_DAY - (ages * 365.25).astype(int) - rng.integers(0, 365, count)


def _pick(pairs: tuple[list[str], ...], count: int, rng: np.random.Generator) -> NDArray[np.object_]:
    return np.array(pairs, dtype=object)[rng.integers(0, len(pairs), count)]


def _surnames(count: int, rng: np.random.Generator) -> NDArray[np.object_]:
    """Draw Portuguese family names: a third give the mother's and the father's."""
    popularity = 1 / (np.arange(len(names.PORTUGUESE_LAST)) + 6.0)
    drawn = rng.choice(np.array(names.PORTUGUESE_LAST, dtype=object), (2, count), p=popularity / popularity.sum())
    return np.where((rng.random(count) < 0.33) & (drawn[0] != drawn[1]), drawn[1] + " " + drawn[0], drawn[0])


def _draw_addresses(people: pd.DataFrame, rng: np.random.Generator) -> None:
    for column, values in _addresses(people["country"].to_numpy(), rng).items():
        people[column] = values


def _addresses(country: NDArray[np.object_], rng: np.random.Generator) -> dict[str, NDArray[np.object_]]:
    """Draw an address in each country: street, postcode, town, and the store in that town ('' for none)."""
    count = len(country)
    town, area, store = _towns(count, rng)
    british = {"street": streets(count, rng), "postcode": _postcodes(area, rng), "town": town, "store": store}
    places = np.array(names.PORTUGUESE_TOWNS, dtype=object)[rng.integers(0, len(names.PORTUGUESE_TOWNS), count)]
    roads = np.array(names.PORTUGUESE_STREETS, dtype=object)[rng.integers(0, len(names.PORTUGUESE_STREETS), count)]
    house = rng.integers(1, 180, count).astype(str).astype(object)
    digits = rng.integers([0, 100], [100, 1000], (count, 2)).astype(str).astype(object)
    code = places[:, 1] + np.char.zfill(digits[:, 0].astype(str), 2).astype(object) + "-" + digits[:, 1]
    portuguese = {"street": roads + " " + house, "postcode": code, "town": places[:, 0], "store": ""}
    return {name: np.where(country == "PT", portuguese[name], british[name]).astype(object) for name in british}


def _towns(count: int, rng: np.random.Generator) -> tuple[NDArray[np.object_], ...]:
    """Draw towns by their share of the customers; return name, postcode area and store."""
    table = np.array([(name, area, store) for name, area, _, store in names.TOWNS], dtype=object)
    drawn = table[rng.choice(len(names.TOWNS), count, p=[share for _, _, share, _ in names.TOWNS])]
    return drawn[:, 0], drawn[:, 1], drawn[:, 2]


def _postcodes(area: NDArray[np.object_], rng: np.random.Generator) -> NDArray[np.object_]:
    count = len(area)
    letters = np.array(list("ABDEFGHJLNPQRSTUWXYZ"), dtype=object)
    digits = rng.integers([1, 1], [29, 10], (count, 2)).astype(str).astype(object)
    ending = letters[rng.integers(0, len(letters), count)] + letters[rng.integers(0, len(letters), count)]
    return area + digits[:, 0] + " " + digits[:, 1] + ending


def streets(count: int, rng: np.random.Generator) -> NDArray[np.object_]:
    """Draw house numbers with a street."""
    house = rng.integers(1, 180, count).astype(str).astype(object)
    return house + " " + np.array(names.STREETS, dtype=object)[rng.integers(0, len(names.STREETS), count)]


def _draw_households(people: pd.DataFrame, rng: np.random.Generator) -> None:
    """Let some people live together: same family name and address, and for some one e-mail address."""
    pairs = int(len(people) * SHARE_IN_HOUSEHOLD / 2)
    chosen = rng.choice(np.flatnonzero(people["country"] == "GB"), 2 * pairs, replace=False)
    first, second = chosen[:pairs], chosen[pairs:]
    household = np.full(len(people), -1)
    household[first] = household[second] = first
    people["household"] = household
    for column in ("last_name", "street", "postcode", "town", "store"):
        people[column] = _like(people[column], first, second)
    same_script = people["script"].to_numpy()[first] == people["script"].to_numpy()[second]
    people["native_last"] = people["native_last"].where(people["script"] == "chinese", people["last_name"])
    people["native_last"] = _like(people["native_last"], first[same_script], second[same_script])
    borrowed = people["person"].to_numpy(copy=True)
    borrowers = rng.random(pairs) < 0.6
    borrowed[second[borrowers]] = first[borrowers]
    people["shares_email_of"] = borrowed


def _like(values: pd.Series, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.object_]:
    copied = values.to_numpy(copy=True)
    copied[second] = copied[first]
    return copied


def _draw_contacts(people: pd.DataFrame, rng: np.random.Generator, part: Part) -> None:
    count = len(people)
    ascii_first = _ascii(people["first_name"])
    ascii_last = _ascii(people["last_name"]).str.replace("[' ]", "", regex=True)
    # Namesakes are numbered through the whole company, in steps of the number of parts.
    nth = people.groupby([ascii_first, ascii_last]).cumcount().to_numpy() * part.of + part.number
    number = np.where(nth > 0, (nth + 1).astype(str), "").astype(object)
    dot = rng.choice(["", ".", "_"], count, p=[0.35, 0.55, 0.1]).astype(object)
    domains = np.array(names.MAIL_DOMAINS, dtype=object)
    own = ascii_first + dot + ascii_last + number + "@" + domains[rng.integers(0, len(domains), count)]
    people["email"] = own.to_numpy()[people["shares_email_of"].to_numpy()]
    unique = (np.arange(count) * part.of + part.number + 11).astype(str).astype(object)
    initial = ascii_first.str[0] + ascii_last + unique
    people["second_email"] = initial + "@" + domains[rng.integers(0, len(domains), count)]
    numbers = rng.choice(90_000_000 // part.of, count, replace=False) * part.of + part.number + 410_000_000
    british = "07" + pd.Series(numbers).astype(str).astype(object)
    # A factor without a divisor in common with the count of mobile numbers gives each index a number of its own.
    place = (np.arange(count) * part.of + part.number) * 7_919_993 % 40_000_000
    ranges = np.array(["91", "92", "93", "96"], dtype=object)[place // 10_000_000]
    portuguese = pd.Series("+351" + ranges + np.char.zfill((place % 10_000_000).astype(str), 7).astype(object))
    people["phone"] = british.where(people["country"] == "GB", portuguese)
    words = np.array(names.HANDLE_WORDS, dtype=object)[rng.integers(0, len(names.HANDLE_WORDS), count)]
    platform = np.array(names.SOCIAL_PLATFORMS, dtype=object)[rng.integers(0, len(names.SOCIAL_PLATFORMS), count)]
    people["social_handle"] = np.where(rng.random(count) < 0.12, platform + ":" + words + unique, "")


def _ascii(names_: pd.Series) -> pd.Series:
    folded = names_.str.normalize("NFKD").str.encode("ascii", "ignore").str.decode("ascii")
    return folded.str.lower()


def _draw_moves(people: pd.DataFrame, rng: np.random.Generator) -> None:
    """Let some people move house, whole households together."""
    count = len(people)
    moved_day = np.where(rng.random(count) < SHARE_MOVED, rng.integers(60, FULL_DAYS - 10, count), -1)
    drawn = _addresses(people["country"].to_numpy(), rng)
    new = {f"new_{column}": drawn[column] for column in ("street", "postcode", "town")}
    partner = people["household"].where(people["household"] >= 0, people["person"]).to_numpy()
    people["moved_day"] = moved_day[partner]
    for column, values in new.items():
        people[column] = np.where(people["moved_day"] >= 0, values[partner], "")


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
    portuguese = (system == "shop") & (rng.random(count) < SHARE_PORTUGUESE)
    people["country"] = np.where(portuguese, "PT", "GB").astype(object)
    people["app_share"] = np.where(rng.random(count) < 0.3, rng.uniform(0.3, 0.9, count), 0.0)
