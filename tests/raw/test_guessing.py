"""A guessed format reads back what was written; where it cannot be known, the guess says so."""

from datetime import datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.config.columns import ColumnMapping
from crm_pipeline.config.contract import Column, Contract, contracts
from crm_pipeline.config.preset import LINE
from crm_pipeline.config.reading import ReadOptions
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.casting import TYPED_ROWS, CastPlan
from crm_pipeline.raw.guessing.channels import nearest_channels
from crm_pipeline.raw.guessing.columns import Table
from crm_pipeline.raw.guessing.encoding import find_encoding
from crm_pipeline.raw.guessing.layout import guess_read, guess_table
from crm_pipeline.raw.guessing.values import guess_moments, guess_numbers, have_lost_zeros, is_shortened
from crm_pipeline.raw.moments import instant
from crm_pipeline.raw.sandbox import EXPRESSION_VALUES, value_column
from crm_pipeline.raw.source_rows import SOURCE_ROWS, fill_source_rows
from crm_pipeline.storage.sql import quoted

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
    read = f"timezone('UTC', {instant('text', guess.format, 'UTC')})"
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
    assert read(texts, guess.mapping("text")) == numbers


def read(texts: list[str], mapping: dict[str, str]) -> list[Decimal | None]:
    """Return what a load makes of numbers."""
    column = Column("amount", "number", "DECIMAL(18,2)")
    source = SourceConfig.model_construct(read=ReadOptions(), columns={"amount": ColumnMapping.model_validate(mapping)})
    with duckdb.connect() as con:
        fill_source_rows(con, ["text"], [(line, None, None, None, text) for line, text in enumerate(texts)])
        plan = CastPlan(Contract("", "", (column,)), source, "UTC", datetime(2024, 1, 1), ("text",))
        if plan.expressions():
            made = f"({mapping['sql']}) as {value_column('columns.amount')}"
            con.execute(f"create view {EXPRESSION_VALUES} as select {quoted(LINE)}, {made} from {SOURCE_ROWS}")
        con.execute(plan.as_written(con).typed_rows())
        return [value for (value,) in con.execute(f"select amount from {TYPED_ROWS}").fetchall()]


@pytest.mark.parametrize("texts", [["soon"], ["12 kg", "500 g"], ["5 a 3"], ["(5.00", "3.00)"], ["a@example.com"], []])
def test_what_is_no_number_or_cannot_be_added_up_is_left_alone(texts):
    assert guess_numbers(texts) is None
    assert guess_moments(texts) is None


@pytest.mark.parametrize(
    ("texts", "mapping", "numbers"),
    [
        (["$10.00", "($12.75)"], {}, ["10.00", "-12.75"]),
        (["10.00", "12.75-", "$-1.00"], {}, ["10.00", "-12.75", "-1.00"]),
        (["1,23,456.50", "2,34,567.00"], {"decimal": "."}, ["123456.50", "234567.00"]),
        (["1'234.50", "CHF 5.00", "12.\u2013"], {}, ["1234.50", "5.00", "12.00"]),
        (["\uff11\uff12\uff13", "\uff14\uff0e\uff15"], {}, ["123.00", "4.50"]),
        (["1.234,50 €", "1.234 €", "12,5"], {"decimal": ","}, ["1234.50", "1234.00", "12.50"]),
        (["1.234.567"], {"decimal": ","}, ["1234567.00"]),
        (["10.00", "12.75 CR"], {"negative": "CR"}, ["10.00", "-12.75"]),
        (["10.00 Dr", "12.75 CR"], {"negative": "CR"}, ["10.00", "-12.75"]),
        (["$ -", "$5"], {}, ["0.00", "5.00"]),
        (["5 kg", "1,234.5 kg"], {"sql": "replace(\"text\", 'kg', '')"}, ["5.00", "1234.50"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_guessed_reads_amounts_with_their_sign(texts, mapping, numbers):
    guess = guess_numbers(texts)
    assert guess is not None
    assert guess.mapping("text") == ({} if "sql" in mapping else {"from": "text"}) | mapping
    assert read(texts, guess.mapping("text")) == [Decimal(number) for number in numbers]


def test_amounts_in_two_currencies_are_doubtful():
    assert "several currencies ($, £)" in guess_numbers(["£5", "$5"]).doubt


def test_a_discount_written_as_a_negative_amount_is_read_without_its_sign():
    discount = contracts()["order_lines"].column("discount_amount")
    guess = guess_numbers(["-$2.00", "$0.00", "($1.50)"], discount)
    assert read(["-$2.00", "$0.00", "($1.50)"], guess.mapping("text")) == [Decimal("2.00"), 0, Decimal("1.50")]


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["45413", "45413.5"], "excel"),
        (["1714521600", "1714521600.5"], "epoch"),
        (["1714521600000", "1714521600000.0"], "epoch_ms"),
        (["May 1, 2024", "June 12, 2024"], "%B %d, %Y"),
        (["May 1, 2024 3:05 PM", "Jun 12, 2024 11:00 AM"], "%b %d, %Y %I:%M %p"),
        (["05/13/2024 23:30:12 UTC"], "%m/%d/%Y %H:%M:%S %Z"),
        (["Wed, 01 May 2024 10:00:00 GMT"], "%a, %d %b %Y %H:%M:%S %Z"),
        (["2024-07-01 23:30:12 UTC"], None),
        (["20240501"], "%Y%m%d"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_each_kind_of_moment_has_a_format(texts, form):
    guess = guess_moments(texts)
    assert guess is not None
    assert (guess.format, guess.doubt) == (form, None)


def test_times_that_a_spreadsheet_cut_are_said_to_be_lost():
    assert "export the column again" in guess_moments(["12:30.0", "01:15.7"]).doubt


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
    guess = find_encoding(text.encode(encoding)).name
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
    match = nearest_channels(table, "members.csv")[0]
    assert (match.channel, "gender" in match.mappings) == ("customers", False)
    table = Table({"date": ["2024-01-01"], "platform": ["Metaverse"], "cost": ["5"], "clicks": ["1"]})
    match = nearest_channels(table, "ad_spend.csv")[0]
    assert (match.channel, "map its values" in match.doubts["medium"]) == ("ad_spend", True)
