"""`values:` says what the texts of a file mean; what it does not list is quarantined."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.config.dataset import DatasetError
from tests.raw.conftest import Shop

SOURCE = """\
sources:
  - name: crm
    channel: {channel}
    files: landing/*.csv
    columns:
      {key}: id
      {column}: {mapping}
"""


def configure(shop, column, mapping, channel="customers", key="customer_id"):
    shop.settings.dataset_folder.mkdir(parents=True, exist_ok=True)
    written = SOURCE.format(channel=channel, key=key, column=column, mapping=mapping)
    (shop.settings.dataset_folder / "pipeline.yml").write_text(written)


def read(shop, column, mapping, *texts):
    configure(shop, column, mapping)
    shop.deliver("c.csv", "id,x\n" + "".join(f'{n},"{text}"\n' for n, text in enumerate(texts)))
    shop.load()
    return [value for (value,) in shop.query(f"select {column}::varchar from {{customers}} order by _line")]


@pytest.mark.parametrize(
    ("column", "values", "texts", "found"),
    [
        (
            "consent_email",
            "{sim: true, não: false}",
            ["Sim", " NÃO ", "na\u0303o", ""],
            ["true", "false", "false", None],
        ),
        ("consent_email", "{yes: yes, no: no}", ["Yes", "no"], ["true", "false"]),
        ("consent_email", "{1: on, 0: off, 2: null}", ["1", "0", "2"], ["true", "false", None]),
        ("consent_email", '{x: true, "": false}', ["X", "", " "], ["true", "false", "false"]),
        ("household_size", "{allein: 1, zu zweit: 2}", ["allein", "Zu zweit"], ["1", "2"]),
        ("birth_date", "{unknown: null, then: 1990-05-04}", ["then", "unknown"], ["1990-05-04", None]),
        ("updated_at", "{start: 2024-01-01 12:30}", ["start"], ["2024-01-01 12:30:00"]),
        ("country", "{Norwegen: NO, Groß: GB, 09: 07}", ["norwegen", "GROß", "09"], ["NO", "GB", "07"]),
    ],
)
def test_a_listed_text_is_its_value_whatever_the_type(shop, column, values, texts, found):
    assert read(shop, column, f"{{from: x, values: {values}}}", *texts) == found
    assert shop.quarantine() == []


def test_a_text_that_is_not_listed_is_quarantined_with_the_remedy(shop):
    assert read(shop, "consent_email", "{from: x, values: {sim: true}}", "sim", "true", "talvez") == ["true"]
    assert shop.quarantine() == [
        (3, "consent_email", "is not among the texts that `values` lists: 'true'"),
        (4, "consent_email", "is not among the texts that `values` lists: 'talvez'"),
    ]
    ((remedy,),) = shop.query("select distinct remedy from {quarantine}")
    assert remedy.startswith("Add it to values, with the value that it stands for, in columns.consent_email of the")


def test_a_personal_text_that_is_not_listed_is_not_quoted(shop):
    assert read(shop, "first_name", "{from: x, values: {Ann: Anna}}", "Ann", "Bea") == ["Anna"]
    assert shop.quarantine() == [(3, "first_name", "is not among the texts that `values` lists")]


def test_a_mapped_required_value_may_be_empty_in_the_file(shop):
    shop.deliver("o.csv", "id,x\n1,\n2,9\n")
    configure(shop, "status", '{from: x, values: {"": completed, 9: cancelled}}', "orders", "order_id")
    path = shop.settings.dataset_folder / "pipeline.yml"
    path.write_text(path.read_text() + "      ordered_at: {value: 2024-01-01}\n")
    shop.load()
    assert shop.query("select status from {orders} order by order_id") == [("completed",), ("cancelled",)]


def test_what_an_expression_makes_may_be_listed(shop):
    mapping = "{sql: 'left(x, 1)', values: {a: true, b: false}}"
    assert read(shop, "consent_email", mapping, "aa", "Bc") == ["true", "false"]


@pytest.mark.parametrize(
    ("column", "mapping", "complaint"),
    [
        (
            "consent_email",
            "{from: x, values: {a: perhaps}}",
            "'perhaps' (for 'a') is no value of consent_email. Write tr",
        ),
        ("household_size", "{from: x, values: {a: 1.5}}", "Write a whole number"),
        ("birth_date", "{from: x, values: {a: 4.5.1990}}", "Write a date such as"),
        ("birth_date", "{from: x, format: '%Y', values: {a: 1990-05-04}}", "format has nothing to read"),
        ("consent_email", "{from: x, values: {a: [true]}}", "one value is expected for 'a'"),
    ],
)
def test_a_value_that_the_column_cannot_hold_is_named_with_its_line(shop, column, mapping, complaint):
    configure(shop, column, mapping)
    with pytest.raises(DatasetError, match="line 7, ") as caught:
        shop.load()
    assert complaint in str(caught.value)


TEXTS = st.text(st.sampled_from("aAäÄ1 xß"), min_size=1, max_size=4).map(str.strip).filter(bool)


@settings(max_examples=15, deadline=None)
@given(st.dictionaries(TEXTS, st.booleans(), min_size=1, max_size=5), st.lists(TEXTS, min_size=1, max_size=20))
def test_each_row_is_what_a_dictionary_says_or_quarantined(tmp_path_factory, listed, texts):
    meant = {}
    for key, value in listed.items():
        meant.setdefault(key.lower(), value)
    shop = Shop(tmp_path_factory.mktemp("values"))
    flow = yaml.safe_dump(meant, default_flow_style=True, allow_unicode=True, width=1_000).strip()
    found = read(shop, "consent_email", f"{{from: x, values: {flow}}}", *texts)
    expected = [meant.get(text.lower()) for text in texts]
    assert found == [str(value).lower() for value in expected if value is not None]
    assert len(shop.quarantine()) == expected.count(None)
