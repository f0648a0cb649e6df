"""The region whose numbering plan a country's telephone numbers follow, however a source writes the country."""

import unicodedata
from functools import cache

from babel import Locale
from babel.core import get_global
from phonenumbers import SUPPORTED_REGIONS

#: Languages in which sources write countries, beside English.
_LANGUAGES = ("de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb", "fi", "cs", "hu", "ro", "tr", "ja", "zh")
#: Names that Unicode's list of territories does not know.
_OTHER_NAMES = {
    "AE": ("UAE",),
    "CD": ("DR Congo", "Democratic Republic of the Congo"),
    "CI": ("Ivory Coast",),
    "CN": ("Mainland China", "People's Republic of China", "PRC"),
    "CV": ("Cape Verde",),
    "CZ": ("Czech Republic",),
    "GB": ("England", "Scotland", "Wales", "Northern Ireland", "Great Britain", "Britain", "U.K."),
    "HK": ("Hong Kong", "Hong Kong SAR"),
    "IE": ("Eire", "Republic of Ireland"),
    "IR": ("Iran, Islamic Republic of",),
    "KR": ("Korea", "Republic of Korea", "Korea, Republic of"),
    "MD": ("Republic of Moldova", "Moldova, Republic of"),
    "MK": ("Macedonia",),
    "MM": ("Burma", "Myanmar"),
    "MO": ("Macao", "Macau"),
    "NL": ("Holland", "The Netherlands"),
    "PS": ("Palestine",),
    "RU": ("Russian Federation",),
    "SK": ("Slovak Republic",),
    "SZ": ("Swaziland",),
    "TR": ("Turkey",),
    "TW": ("Taiwan, Province of China",),
    "TZ": ("Tanzania, United Republic of",),
    "US": ("America", "United States of America"),
    "VN": ("Viet Nam",),
}


@cache
def region_of(country: str) -> str | None:
    """Return the region of a country, given its ISO code of two or three letters or its name; None where unknown."""
    plain = _plain(country)
    code = plain.upper()
    # Of a code that stands for several territories, such as that of a former country, none is meant.
    current = get_global("territory_aliases").get(code, [code])
    if len(current) == 1 and current[0] in SUPPORTED_REGIONS:
        return str(current[0])
    return _english_names().get(plain) or _foreign_names().get(plain)


@cache
def _english_names() -> dict[str, str]:
    others = {_plain(name): region for region, names in _OTHER_NAMES.items() for name in names}
    return others | _names("en")


@cache
def _foreign_names() -> dict[str, str]:
    return {name: region for language in reversed(_LANGUAGES) for name, region in _names(language).items()}


def _names(language: str) -> dict[str, str]:
    territories = Locale.parse(language).territories
    return {_plain(name): region for region, name in territories.items() if region in SUPPORTED_REGIONS}


def _plain(text: str) -> str:
    """Return the letters of a name in lower case, without their accents."""
    return "".join(
        sign for sign in unicodedata.normalize("NFKD", text.replace("&", "and")).casefold() if sign.isalnum()
    )
