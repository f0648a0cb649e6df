"""Times as real tools export them: each is read as it was meant, by the mapping that is proposed, or marked."""

from datetime import datetime

import duckdb
import pytest

from crm_pipeline.config.columns import ColumnMapping
from crm_pipeline.raw.guessing.values import guess_moments
from crm_pipeline.raw.moments import instant

IN_NEW_YORK = datetime(2024, 7, 16, 1, 4, 5)
IN_UTC = datetime(2024, 7, 15, 21, 4, 5)
TWO_EARLIER = datetime(2024, 7, 15, 19, 4, 5)
FIVE_LATER = datetime(2024, 7, 16, 2, 4, 5)

#: (what writes so, text, format that is proposed, what it is in UTC, in a source of New York)
FORMS = [
    ("BigQuery", "2024-07-15 21:04:05 UTC", None, IN_UTC),
    ("Rails, Shopify", "2024-07-15 21:04:05 -0500", None, FIVE_LATER),
    ("ISO 8601 in UTC", "2024-07-15T21:04:05Z", None, IN_UTC),
    ("ISO 8601 with an offset", "2024-07-15T21:04:05+02:00", None, TWO_EARLIER),
    ("PostgreSQL", "2024-07-15 21:04:05+02", None, TWO_EARLIER),
    ("Salesforce", "2024-07-15T21:04:05.000+0000", None, IN_UTC),
    ("Snowflake", "2024-07-15 21:04:05.000 +0000", None, IN_UTC),
    ("MySQL", "2024-07-15 21:04:05", None, IN_NEW_YORK),
    ("Log files of Java and Python", "2024-07-15 21:04:05,000", "%Y-%m-%d %H:%M:%S,%f", IN_NEW_YORK),
    ("date of Unix", "Mon Jul 15 21:04:05 UTC 2024", "%a %b %d %H:%M:%S %Z %Y", IN_UTC),
    ("C", "Mon Jul 15 21:04:05 2024", "%a %b %d %H:%M:%S %Y", IN_NEW_YORK),
    ("JavaScript", "Mon Jul 15 2024 21:04:05 GMT+0200 (Some Time)", "%a %b %d %Y %H:%M:%S GMT%z", TWO_EARLIER),
    ("e-mail", "Mon, 15 Jul 2024 21:04:05 +0000", "%a, %d %b %Y %H:%M:%S %z", IN_UTC),
    ("HTTP", "Mon, 15 Jul 2024 21:04:05 GMT", "%a, %d %b %Y %H:%M:%S %Z", IN_UTC),
    ("a browser in America", "7/15/2024, 9:04:05 PM", "%m/%d/%Y, %I:%M:%S %p", IN_NEW_YORK),
    ("the same with a narrow blank", "7/15/24, 9:04:05\u202fPM", "%m/%d/%y, %I:%M:%S\u202f%p", IN_NEW_YORK),
    ("Excel in America", "7/15/24 9:04:05 PM", "%m/%d/%y %I:%M:%S %p", IN_NEW_YORK),
    ("PayPal", "15/07/2024 21:04:05", "%d/%m/%Y %H:%M:%S", IN_NEW_YORK),
    ("Excel in Germany", "15.07.2024 21:04:05", "%d.%m.%Y %H:%M:%S", IN_NEW_YORK),
    ("a shop in Germany", "15.07.2024, 21:04:05 Uhr", "%d.%m.%Y, %H:%M:%S Uhr", IN_NEW_YORK),
    ("Amazon in Europe", "15.07.2024 21:04:05 UTC", "%d.%m.%Y %H:%M:%S %Z", IN_UTC),
    ("Amazon in America", "Jul 15, 2024 9:04:05 PM PDT", "%b %d, %Y %I:%M:%S %p %z", datetime(2024, 7, 16, 4, 4, 5)),
    ("Oracle", "15-JUL-24 09.04.05.000000 PM", "%d-%b-%y %I.%M.%S.%f %p", IN_NEW_YORK),
    ("SAS", "15JUL2024:21:04:05", "%d%b%Y:%H:%M:%S", IN_NEW_YORK),
    ("Java with a zone", "2024-07-15T21:04:05+02:00[Europe/Berlin]", None, TWO_EARLIER),
    ("the name of a place", "2024-07-15 21:04:05 Europe/Berlin", "%Y-%m-%d %H:%M:%S %Z", TWO_EARLIER),
    ("letters of one zone", "2024-07-15 21:04:05 CEST", None, TWO_EARLIER),
    ("winter time in summer", "2024-07-15 21:04:05 CET", None, datetime(2024, 7, 15, 20, 4, 5)),
    ("an offset behind GMT", "2024-07-15 21:04:05 GMT+02:00", "%Y-%m-%d %H:%M:%S GMT%z", TWO_EARLIER),
    ("a.m. and p.m. with dots", "15/07/2024 9:04:05 p.m.", "%d/%m/%Y %I:%M:%S %p", IN_NEW_YORK),
    ("Japan", "2024年07月15日 21:04:05", "%Y年%m月%d日 %H:%M:%S", IN_NEW_YORK),
    ("digits alone", "20240715210405", "%Y%m%d%H%M%S", IN_NEW_YORK),
    ("the short form of ISO 8601", "20240715T210405Z", "%Y%m%dT%H%M%S%z", IN_UTC),
    ("seconds", "1721077445", "epoch", IN_UTC),
    ("microseconds", "1721077445000000", "epoch_ms", IN_UTC),
    ("nanoseconds", "1721077445000000000", "epoch_ms", IN_UTC),
    ("a week of ISO 8601", "2024-W29-1", "%G-W%V-%u", datetime(2024, 7, 15, 4)),
    ("in words", "Monday, July 15, 2024 at 9:04:05 PM", "%A, %B %d, %Y at %I:%M:%S %p", IN_NEW_YORK),
]


def read(text, mapping, zone="America/New_York"):
    """What a run makes of a text of the column `at`, in UTC."""
    ColumnMapping.model_validate(mapping)
    value = mapping.get("sql", '"at"')
    moment = instant("text", mapping.get("format"), zone)
    query = f"select timezone('UTC', {moment}) from (select {value} as text from file)"
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute("create table file as select ?::varchar as at", [text])
        return con.execute(query).fetchall()[0][0]


@pytest.mark.parametrize(("text", "form", "expected"), [row[1:] for row in FORMS], ids=[row[0] for row in FORMS])
def test_what_is_proposed_reads_the_time_that_is_meant(text, form, expected):
    guess = guess_moments([text])
    assert guess is not None
    assert (guess.format, guess.doubt) == (form, None)
    assert read(text, guess.mapping("at")) == expected


@pytest.mark.parametrize("letters", ["EST", "CST", "PST", "IST", "BST"])
def test_letters_that_mean_several_zones_are_marked(letters):
    guess = guess_moments([f"2024-07-15 21:04:05 {letters}"])
    assert guess is not None
    assert guess.doubt
    assert f"{letters} may be " in guess.doubt


@pytest.mark.parametrize("text", ["24-07-15", "24/07/15 21:04"])
def test_a_year_of_two_digits_that_may_be_first_is_marked(text):
    guess = guess_moments([text, text.replace("15", "17"), text.replace("07", "08")])
    assert guess is not None
    assert guess.format
    assert guess.format[:2] == "%y"
    assert "the year may be first or last" in (guess.doubt or "")


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("2024-07-15T21:04:05Z", "%Y-%m-%dT%H:%M:%SZ", IN_UTC),
        ("2024-07-15 21:04:05 UTC", "%Y-%m-%d %H:%M:%S UTC", IN_UTC),
        ("2024-07-15 21:04:05 UTC", "%Y-%m-%d %H:%M:%S %Z", IN_UTC),
        ("2024-07-15 21:04:05 Z", "%Y-%m-%d %H:%M:%S %Z", IN_UTC),
        ("2024-07-15 21:04:05Z", "%Y-%m-%d %H:%M:%S%z", IN_UTC),
        ("2024-07-15 21:04:05 +0200", "%Y-%m-%d %H:%M:%S %Z", TWO_EARLIER),
        ("Mon Jul 15 21:04:05 UTC 2024", "%a %b %d %H:%M:%S UTC %Y", IN_UTC),
        ("15.07.2024 21:04:05 GMT", "%d.%m.%Y %H:%M:%S GMT", IN_UTC),
        ("15.07.2024 21:04:05 +02:00", "%d.%m.%Y %H:%M:%S +02:00", TWO_EARLIER),
        ("15.07.2024 21:04:05 UTC+2", "%d.%m.%Y %H:%M:%S UTC+2", TWO_EARLIER),
        ("15.07.2024 21:04:05 -0500", "%d.%m.%Y %H:%M:%S -0500", FIVE_LATER),
        ("2024-07-15 21:04:05 BST", "%Y-%m-%d %H:%M:%S %Z", None),
        ("2024-07-15 21:04:05 CET", "%Y-%m-%d %H:%M:%S %Z", None),
    ],
)
def test_a_zone_in_a_format_stands_above_that_of_the_source(text, form, expected, zone):
    assert read(text, {"from": "at", "format": form}, zone) == expected


def test_letters_of_a_zone_in_a_format_are_refused_with_what_reads_them():
    with pytest.raises(ValueError, match=r"'CET' in a format is plain text .* '\+01:00'\), and %z"):
        ColumnMapping.model_validate({"from": "at", "format": "%Y-%m-%d %H:%M:%S CET"})
