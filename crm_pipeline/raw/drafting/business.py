"""What the files tell of the business: its country, its currency, its time zone. What they do not tell is asked."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import phonenumbers

from crm_pipeline.config.business import Business
from crm_pipeline.raw.drafting.groups import Group
from crm_pipeline.raw.drafting.text import EDIT, GUESS, scalar
from crm_pipeline.raw.guessing.values import currency_marks
from crm_pipeline.raw.guessing.words import ENGLISH, regions, spellings_of, without_currency
from crm_pipeline.raw.numbers import currency_signs

_AMOUNTS = ("total_amount", "net_amount", "unit_price", "amount")
_PREFIX = re.compile(r"(?:\+|00)(\d{1,3})")
_DOMAIN = re.compile(r"@[^@\s>]*\.([a-z]{2})\b", re.IGNORECASE)
_OF_DOMAIN = {"UK": "GB"}
#: How much each kind of hint says of the country, and how it is told.
_HINTS = {
    "country": (5.0, "most rows are from {region}"),
    "phone": (3.0, "most phone numbers begin as in {region}"),
    "words": (3.0, "headers name what only {region} has"),
    "states": (3.0, "the states are those of {region}"),
    "domain": (2.0, "most e-mail domains are of {region}"),
    "postal": (2.0, "postal codes look as in {region}"),
    "currency": (1.5, "amounts are in the currency of {region}"),
    "language": (1.0, "the headers are in the language of {region}"),
}
#: Share of the values that have to agree.
_MOST = 0.5


@dataclass
class _Votes:
    """For each country how much speaks for it, and the strongest hint that does."""

    weights: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, found: list[str]) -> None:
        weight, reason = _HINTS[kind]
        for place, region in enumerate(found):
            # Of several countries that a hint may mean, the first is the likeliest.
            self.weights[region] = self.weights.get(region, 0) + weight / (1 + place)
            self.reasons.setdefault(region, reason.format(region=region))


def business_lines(groups: list[Group]) -> list[str]:
    """Return the part `business` of a draft."""
    region, reason = _region(groups)
    here = regions()[region or Business().default_region]
    currency, told = _currency(groups, str(here["currency"]))
    asked = [] if region else [f"  {EDIT} your country and its time zone" + ("" if told else ", and your currency")]
    lines = [
        "business:",
        *asked,
        f"  default_region: {scalar(region or Business().default_region)}" + (f"  {GUESS} {reason}" if region else ""),
        f"  timezone: {here['timezone']}" + (f"  {GUESS} that of most people there" if region else ""),
        f"  currency: {currency}" + (f"  {GUESS} {told or 'that of the country'}" if told or region else ""),
        "  as_of: latest",
    ]
    if not any(group.values("unit_cost") for group in groups):
        lines.append(
            f"  gross_margin: {Business().gross_margin}  {EDIT} your margin as a share of revenue: no file tells costs"
        )
    return lines


def _region(groups: list[Group]) -> tuple[str | None, str]:
    """Return the country that most speaks for, and why; None where nothing does."""
    votes = _Votes()
    votes.add("country", _countries(groups))
    votes.add("phone", _by_phone(_all(groups, "phone")))
    votes.add("words", _by_words(groups))
    votes.add("domain", _most(_DOMAIN.findall(" ".join(_all(groups, "email"))), len(_all(groups, "email"))))
    votes.add("states", _by_states(_all(groups, "state")))
    votes.add("postal", _by_postal_code(_all(groups, "postal_code")))
    codes = _currency_codes(groups)
    if codes:
        votes.add("currency", _with("currency", codes.most_common(1)[0][0]))
    votes.add("language", _by_language(groups))
    if not votes.weights:
        return None, ""
    (region, weight), *others = sorted(votes.weights.items(), key=lambda vote: vote[1], reverse=True)
    if others and others[0][1] == weight:
        return None, ""
    return region, votes.reasons[region]


def _all(groups: list[Group], column: str) -> list[str]:
    return [text for group in groups for text in group.values(column)]


def _countries(groups: list[Group]) -> list[str]:
    by_name = {name: code for code, region in regions().items() for name in (code.casefold(), *region["names"])}
    known = Counter(by_name[text.casefold()] for text in _all(groups, "country") if text.casefold() in by_name)
    return [known.most_common(1)[0][0]] if known else []


def _by_phone(texts: list[str]) -> list[str]:
    prefixes = [
        phonenumbers.region_code_for_country_code(int(code))
        for text in texts
        if (found := _PREFIX.match(text.strip()))
        for code in _country_codes(found[1])
    ]
    return _most(prefixes, len(texts))


def _country_codes(digits: str) -> list[str]:
    """Return the country calling code that digits begin with, as a list of one or none."""
    known = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    return next(([digits[:length]] for length in (1, 2, 3) if int(digits[:length]) in known), [])


def _by_words(groups: list[Group]) -> list[str]:
    headers = {spelling for group in groups for name in group.table.columns for spelling in spellings_of(name)}
    tokens = {token for header in headers for token in re.findall(r"[^\W_]+", header)}
    found = Counter(
        code
        for code, region in regions().items()
        for word in region.get("words", ())
        if not spellings_of(word).isdisjoint(headers | tokens)
    )
    return [code for code, _ in found.most_common()]


def _by_states(texts: list[str]) -> list[str]:
    """Return the country that most of the codes of states are of."""
    found = {
        code: sum(text.upper() in region["states"] for text in texts)
        for code, region in regions().items()
        if "states" in region
    }
    best = max(found.values(), default=0)
    likely = [code for code, times in found.items() if times == best]
    return likely if best > _MOST * len(texts) and len(likely) == 1 else []


def _by_postal_code(texts: list[str]) -> list[str]:
    return [
        code
        for code, region in regions().items()
        if "postal" in region
        and texts
        and sum(re.fullmatch(region["postal"], text.upper()) is not None for text in texts) > _MOST * len(texts)
    ]


def _by_language(groups: list[Group]) -> list[str]:
    spoken = Counter(
        code for group in groups if group.match for code in group.match.languages.codes[1:2] if code != ENGLISH
    )
    return _with("language", spoken.most_common(1)[0][0]) if spoken else []


def _with(key: str, value: str) -> list[str]:
    """Return the countries of a currency or language, the one that has most of it first."""
    first = {"EUR": "", "de": "DE", "nl": "NL", "pt": "BR", "es": "ES", "zh": "CN", "fr": "FR", "it": "IT"}
    found = [code for code, region in regions().items() if region.get(key) == value]
    return sorted(found, key=lambda code: code != first.get(value)) if value != "EUR" else []


def _most(found: Iterable[str | None], of: int) -> list[str]:
    """Return the country that most of the values name, of those that are known."""
    codes = Counter(_OF_DOMAIN.get(code.upper(), code.upper()) for code in found if code)
    for code, times in codes.most_common(1):
        if code in regions() and times > _MOST * codes.total() and times > _MOST / 5 * of:
            return [code]
    return []


def _currency_codes(groups: list[Group]) -> Counter[str]:
    given = (text.upper() for text in _all(groups, "currency"))
    codes = Counter(code for code in given if re.fullmatch("[A-Z]{3}", code))
    headers = (without_currency(name)[1] for group in groups for name in group.table.columns)
    return codes or Counter(code for code in headers if code)


def _currency(groups: list[Group], local: str) -> tuple[str, str]:
    """Return the currency and what tells it: the local one where the sign of the amounts may stand for it."""
    codes = _currency_codes(groups)
    if codes:
        return codes.most_common(1)[0][0], "most amounts are in it"
    marks = currency_marks([text for column in _AMOUNTS for text in _all(groups, column)]).most_common(1)
    if not marks:
        return local, ""
    meant = currency_signs()[marks[0][0]]
    return (local if local in meant else meant[0]), f"most amounts are marked {marks[0][0]}"
