"""A guessed format reads back what was written; where it cannot be known, the guess says so."""

from datetime import datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.raw.guessing.columns import Table, match_channel
from crm_pipeline.raw.guessing.layout import guess_encoding, guess_read, guess_table
from crm_pipeline.raw.guessing.values import guess_moments, guess_numbers, have_lost_zeros, is_shortened

FORMATS = [
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y",
    "%m/%d/%Y %I:%M %p",
    "%d.%m.%Y %H:%M:%S",
    "%d-%b-%Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%Y%m%d",
    "%Y-%m-%d %H:%M:%S +0200",
]
MOMENTS = st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2035, 12, 31)), min_size=1, max_size=30)
#: how a number is written -> from its text with a decimal point
NUMBERS = {
    "plain": lambda text: text,
    "decimal comma": lambda text: text.replace(".", ","),
    "thousands": lambda text: f"{Decimal(text):,}",
    "thousands and decimal comma": lambda text: f"{Decimal(text):,}".translate(str.maketrans(",.", ".,")),
    "pounds": lambda text: f"£{Decimal(text):,}",
    "euros": lambda text: f"{text.replace('.', ',')} €",
}


def test_may_is_written_in_full_where_the_other_months_are():
    guess = guess_moments(["01 January 2000", "13 May 2000"])
    assert guess is not None
    assert (guess.format, guess.doubt) == ("%d %B %Y", None)
    short = guess_moments(["01 Jan 2000", "13 May 2000"])
    assert short is not None
    assert (short.format, short.doubt) == ("%d %b %Y", None)


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(FORMATS), MOMENTS)
def test_dates_are_read_back_as_they_were_written(form, moments):
    texts = [moment.strftime(form) for moment in moments]
    guess = guess_moments(texts)
    assert guess is not None
    if guess.doubt:
        assert all(moment.day <= 12 for moment in moments)
        return
    read = "text::timestamp" if guess.format is None else f"strptime(text, '{guess.format}')::timestamp"
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    offset = timedelta(hours=2 if "+0200" in form else 0)
    expected = [datetime.strptime(text, form) - offset for text in texts]
    query = f"select {read} from (select unnest(?) as text)"
    assert [value for (value,) in con.execute(query, [texts]).fetchall()] == expected


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(list(NUMBERS)),
    st.lists(st.decimals(0, 9_999_999, places=2), min_size=3, max_size=20).filter(lambda all_: max(all_) >= 1_000),
)
def test_numbers_are_read_back_as_they_were_written(kind, numbers):
    texts = [NUMBERS[kind](f"{number:.2f}") for number in numbers]
    guess = guess_numbers(texts)
    assert guess is not None
    assert guess.doubt is None
    origin = (guess.sql or "{column}").format(column="text")
    if guess.decimal == ",":
        origin = f"replace(replace({origin}, '.', ''), ',', '.')"
    query = f"select ({origin})::decimal(18, 2) from (select unnest(?) as text)"
    assert [value for (value,) in duckdb.execute(query, [texts]).fetchall()] == numbers


@pytest.mark.parametrize(
    "texts", [["soon"], ["12 kg", "500 g"], ["£5", "$5"], ["(5.00)", "3.00"], ["a@example.com"], []]
)
def test_what_is_no_number_or_cannot_be_added_up_is_left_alone(texts):
    assert guess_numbers(texts) is None
    assert guess_moments(texts) is None


def test_a_comma_before_three_digits_is_doubtful_alone():
    assert "thousand or a decimal" in guess_numbers(["1,234", "5,678"]).doubt
    assert guess_numbers(["1,234", "5,678,901"]).doubt is None


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "ascii"),
        ("Ünïcödé", "utf-8"),
        ("Müller, café, £5", "cp1252"),
        ("订单,客户,金额\n1,王小明,5\n", "gb18030"),
        ("Müller", "utf-16"),
        ("Müller wrote so", "utf-16-le"),
        ("Müller wrote so", "utf-16-be"),
        ("plain", "utf-8-sig"),
    ],
)
def test_the_encoding_is_told_by_the_bytes(text, encoding):
    guess = guess_encoding(text.encode(encoding))
    assert text.encode(encoding).decode(guess).removeprefix("\ufeff") == text


def test_commas_in_numbers_do_not_hide_the_delimiter():
    assert guess_table("a;b\n1,5;2,5\n3,5;4\n") == (";", 1)
    assert guess_table('a,b\n"x;y",2\n"z;z",3\n') == (",", 1)
    assert guess_table("Report of May\n\nid;name\n1;x\n2;y\n") == (";", 3)
    assert guess_table("one\n1\n2\n") == (None, 1)


def test_the_format_is_told_by_the_content_where_the_name_is_wrong(tmp_path):
    (tmp_path / "a.csv").write_text('{"id": 1}\n{"id": 2}\n')
    (tmp_path / "b.json").write_text('{"id": 1}\n{"id": 2}\n')
    (tmp_path / "c.dat").write_text("id,name\n1,x\n")
    assert guess_read(tmp_path / "a.csv") == {"format": "jsonl"}
    assert guess_read(tmp_path / "b.json") == {}
    assert guess_read(tmp_path / "c.dat") == {"format": "csv"}


def test_rounded_ids_and_lost_zeros_are_told_from_sound_ones():
    assert is_shortened("1.23E+12")
    assert not is_shortened("12E4")
    assert have_lost_zeros(["10115", "1067", "80331"])
    assert not have_lost_zeros(["10115", "01067"])
    assert not have_lost_zeros(["1", "22", "333", "4444"])


def test_an_optional_column_with_unknown_values_is_not_mapped_and_a_required_one_is_doubtful():
    table = Table({"id": ["1"], "email": ["a@example.com"], "sex": ["?"], "joined": ["2024-01-01"]})
    match = match_channel(table, "members.csv")
    assert (match.channel, "gender" in match.mappings) == ("customers", False)
    table = Table({"date": ["2024-01-01"], "platform": ["Metaverse"], "cost": ["5"], "clicks": ["1"]})
    match = match_channel(table, "ad_spend.csv")
    assert (match.channel, "map its values" in match.doubts["channel"]) == ("ad_spend", True)
