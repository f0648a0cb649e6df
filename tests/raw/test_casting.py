"""Text becomes the contract's types as a person would read it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.raw.conftest import ORDERS, Shop

HEADER = "id,at,total,mail,status\n"


def times(shop, *texts, **mapping):
    shop.configure(ORDERS | {"columns": ORDERS["columns"] | {"ordered_at": {"from": "at", **mapping}}})
    shop.deliver("orders.csv", HEADER + "".join(f'{n},"{text}",1,,\n' for n, text in enumerate(texts)))
    shop.load()
    return [str(at) for (at,) in shop.query("select ordered_at from {orders} order by _line")]


def test_naive_times_are_of_the_business_zone_and_stored_in_utc(shop):
    assert times(shop, "2023-01-15 12:00", "2023-07-15 12:00") == ["2023-01-15 12:00:00", "2023-07-15 11:00:00"]


def test_a_source_may_have_its_own_zone(shop):
    shop.deliver("orders.csv", HEADER + "1,2023-07-15 12:00,1,,\n")
    shop.configure(ORDERS | {"timezone": "America/New_York"})
    shop.load()
    assert shop.query("select ordered_at::varchar from {orders}") == [("2023-07-15 16:00:00",)]


def test_a_written_offset_beats_the_zone(shop):
    texts = ("2023-07-15T12:00:00Z", "2023-07-15 12:00:00+02:00", "2023-07-15T12:00:00.250-0500")
    assert times(shop, *texts) == ["2023-07-15 12:00:00", "2023-07-15 10:00:00", "2023-07-15 17:00:00.250000"]


def test_a_time_in_the_hour_that_is_skipped_or_repeated_is_moved_by_at_most_an_hour(shop):
    # 01:30 on 26 March 2023 does not exist in London; on 29 October there are two.
    assert times(shop, "2023-03-26 01:30", "2023-10-29 01:30") == ["2023-03-26 01:30:00", "2023-10-29 01:30:00"]


def test_a_format_is_obeyed(shop):
    assert times(shop, "03/04/2023 10:00", format="%d/%m/%Y %H:%M") == ["2023-04-03 09:00:00"]
    assert shop.quarantine() == []


def test_a_format_with_offset_is_obeyed(shop):
    assert times(shop, "03/04/2023 10:00 +0300", format="%d/%m/%Y %H:%M %z") == ["2023-04-03 07:00:00"]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2024, 1, 1)), min_size=1, max_size=30),
    st.sampled_from(["Europe/London", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns"]),
)
def test_zones_agree_with_pythons_zoneinfo(tmp_path_factory, moments, zone):
    shop = Shop(tmp_path_factory.mktemp("zones"))
    shop.configure(ORDERS | {"timezone": zone})
    moments = [moment.replace(microsecond=0) for moment in moments]
    shop.deliver("orders.csv", HEADER + "".join(f"{n},{moment},1,,\n" for n, moment in enumerate(moments)))
    shop.load()
    found = [at for (at,) in shop.query("select ordered_at from {orders} order by _line")]
    for moment, at in zip(moments, found, strict=True):
        local = moment.replace(tzinfo=ZoneInfo(zone))
        candidates = {local.replace(fold=fold).astimezone(UTC).replace(tzinfo=None) for fold in (0, 1)}
        assert at in candidates or min(abs(at - other) for other in candidates) <= timedelta(hours=1)
        if len(candidates) == 1:
            assert at in candidates


@pytest.mark.parametrize(
    ("decimal", "text", "value"),
    [
        (".", "1234.5", "1234.5000"),
        (".", " -3 ", "-3.0000"),
        (".", "1e2", "100.0000"),
        (".", "0.30000000000000004", "0.3000"),
        (".", "1,234.5", "1234.5000"),
        (".", "1,234", "1234.0000"),
        (".", "12,50", None),
        (".", "1.234,5", None),
        (",", "1.234,5", "1234.5000"),
        (",", "1 234,5", "1234.5000"),
        (",", "12,50", "12.5000"),
        (",", "12.50", None),
        (",", "1.234", "1234.0000"),
        (",", "7", "7.0000"),
    ],
)
def test_numbers_are_read_with_their_decimal_sign_or_not_at_all(shop, decimal, text, value):
    shop.configure(ORDERS | {"columns": ORDERS["columns"] | {"total_amount": {"from": "total", "decimal": decimal}}})
    shop.deliver("orders.csv", HEADER + f'1,2024-01-01,"{text}",,\n')
    shop.load()
    assert shop.query("select total_amount::varchar from {orders}") == ([(value,)] if value else [])


def customers(shop, column, *texts, **source):
    config = {
        "name": "crm",
        "channel": "customers",
        "files": "landing/c*",
        "columns": {"customer_id": "id", column: "x"},
    }
    shop.configure(config | source)
    shop.deliver("c.csv", "id,x\n" + "".join(f'{n},"{text}"\n' for n, text in enumerate(texts)))
    shop.load()
    return [value for (value,) in shop.query(f"select {column} from {{customers}} order by _line")]


def test_booleans_are_read_in_their_usual_spellings(shop):
    texts = ("Yes", "true", "1", "no", "F", "0", "", "perhaps")
    assert customers(shop, "consent_email", *texts) == [True, True, True, False, False, False, None]
    assert shop.quarantine() == [(9, "consent_email", "cannot be read as yes or no: 'perhaps'")]


def test_whole_numbers_are_not_rounded(shop):
    assert customers(shop, "household_size", "2", "3.0", "2.5", "0", "51") == [2, 3]
    problems = [problem for _, _, problem in shop.quarantine()]
    assert problems == [
        "cannot be read as a whole number: '2.5'",
        "is below the minimum 1: '0'",
        "is above the maximum 50: '51'",
    ]


def test_text_is_trimmed_and_stand_ins_are_no_value(shop):
    texts = ("  Bath\t", "\u00a0", "N/A", "-", "null island")
    assert customers(shop, "city", *texts, read={"null_values": ["N/A", "-"]}) == [
        "Bath",
        None,
        None,
        None,
        "null island",
    ]


def test_allowed_values_are_read_in_any_case(shop):
    assert customers(shop, "gender", "Female", "MALE", "other") == ["female", "male", "other"]


def test_an_id_that_looks_like_a_number_stays_text(shop):
    shop.deliver("orders.csv", HEADER + "13085.0,2024-01-01,1,,\n00123,2024-01-01,1,,\n")
    shop.load()
    assert shop.query("select order_id from {orders} order by 1") == [("00123",), ("13085.0",)]


def test_a_pattern_is_checked(shop):
    shop.configure(ORDERS | {"columns": ORDERS["columns"] | {"currency": "mail"}})
    shop.deliver("orders.csv", HEADER + "1,2024-01-01,1,GBP,\n2,2024-01-01,1,pounds,\n")
    shop.load()
    # The currency comes from the column that also feeds the e-mail address: its value is not repeated.
    assert shop.quarantine() == [(3, "currency", "does not match the pattern ^[A-Z]{3}$")]


def test_a_constant_fills_each_row(shop):
    shop.configure(ORDERS | {"columns": ORDERS["columns"] | {"sales_channel": {"value": "web"}}})
    shop.deliver("orders.csv", HEADER + "1,2024-01-01,1,,\n2,2024-01-01,1,,\n")
    shop.load()
    assert shop.query("select distinct sales_channel from {orders}") == [("web",)]
