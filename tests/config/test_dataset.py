"""A mistake in pipeline.yml is named with file, line, key, problem and remedy."""

from datetime import date

import pytest

from crm_pipeline.config.dataset import DatasetError, load_dataset

GOOD = """\
business:
  currency: GBP
  timezone: Europe/London
  as_of: 2024-06-30
sources:
  - name: shop
    channel: orders
    files: landing/*.csv
    columns:
      order_id: id
      ordered_at: {from: at, format: "%d/%m/%Y"}
  - name: till
    system: stores
    channel: orders
    files: till/*.csv
    timezone: Europe/Paris
    columns:
      order_id: {value: 7}
      ordered_at: {sql: "day || ' ' || time"}
"""


def load(folder, text):
    (folder / "pipeline.yml").write_text(text, encoding="utf-8")
    return load_dataset(folder)


def test_a_good_file_is_read_with_its_defaults(tmp_path):
    dataset = load(tmp_path, GOOD)
    shop, till = dataset.sources
    assert (dataset.business.as_of, dataset.business.churn_horizon_days) == (date(2024, 6, 30), 90)
    assert (shop.system, till.system) == ("shop", "stores")
    assert (dataset.zone(shop), dataset.zone(till)) == ("Europe/London", "Europe/Paris")
    assert shop.columns["order_id"].from_ == "id"
    assert till.columns["order_id"].value == "7"
    assert shop.drops_duplicates


@pytest.mark.parametrize(
    ("channel", "old", "new"),
    [
        ("campaigns", "channel", "medium"),
        ("ad_spend", "spend_date", "spend_on"),
        ("consents", "channel", "contact_channel"),
    ],
)
def test_a_column_that_was_called_otherwise_is_named_with_its_name(tmp_path, channel, old, new):
    mapped = GOOD.replace("channel: orders", f"channel: {channel}").replace("order_id: id", f"{old}: id")
    with pytest.raises(DatasetError, match=f"no column '{old}'. It is called '{new}': rename it."):
        load(tmp_path, mapped)


def test_the_latest_day_is_the_default(tmp_path):
    assert load(tmp_path, GOOD.replace("  as_of: 2024-06-30\n", "")).business.as_of == "latest"


def test_named_systems_are_trusted_before_the_others(tmp_path):
    assert load(tmp_path, GOOD).source_trust() == ["shop", "stores"]
    named = GOOD.replace("  currency: GBP\n", "  currency: GBP\n  source_trust: [stores]\n")
    assert load(tmp_path, named).source_trust() == ["stores", "shop"]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        (
            "channel: orders",
            "channel: order",
            7,
            "unknown channel 'order'. Use one of: ad_spend, campaign_contacts, campaigns, consents, customers",
        ),
        ("order_id: id", "order_idd: id", 6, "the channel orders has no column 'order_idd'. Did you mean 'order_id'?"),
        ("      order_id: id\n", "", 6, "the channel orders needs the column 'order_id'. Map it under columns."),
        ("order_id: id", "order_id: {from: id, optional: maybe}", 10, "true or false is expected, or beside sql"),
        ("order_id: id", "order_id: {from: id, optional: [id]}", 10, "optional takes a list beside sql only"),
        ("order_id: id", "order_id: {sql: id, optional: true}", 10, "optional lists the columns that a file may lack"),
        ("channel: orders", "chanel: orders", 7, "unknown key 'chanel'. Did you mean 'channel'?"),
        ("    files: landing/*.csv\n", "", 6, "the key 'files' is missing. Add it."),
        ("files: landing/*.csv", "files: /etc/*.csv", 8, "leads out of the dataset folder"),
        ("files: landing/*.csv", "files: ../x/*.csv", 8, "leads out of the dataset folder"),
        ("timezone: Europe/London", "timezone: Europe/Londn", 3, "Did you mean 'Europe/London'?"),
        ("currency: GBP", "currency: pounds", 2, "'pounds' does not match"),
        ("as_of: 2024-06-30", "as_of: soon", 4, "neither a date nor `latest`"),
        ("%d/%m/%Y", "%Q", 11, "not a date format"),
        (
            "from: at, format",
            "from: at, value: 3, format",
            11,
            "exactly one of from, sql and value; found from and value",
        ),
        ("order_id: id", "order_id: {decimal: ','}", 10, "found none"),
        ("order_id: id", "order_id: {from: id, format: '%d'}", 10, "a format is for dates and times only"),
        ("day || ' ' || time", "case when", 19, "not a SQL expression"),
        ("day || ' ' || time", "1); drop table x; select (1", 19, "more than one SQL statement"),
        ("name: till", "name: shop", 1, "two sources have the name 'shop'"),
        ("name: till", "name: SHOP", 1, "names that differ by case only: shop, SHOP"),
        ("name: till", "name: 2024", 12, 'text is expected, and 2024 is read as a number. Put it in quotes: "2024"'),
        ("order_id: id", "order_id: ~", 10, "a column of the file is expected, and there is nothing. Write `order_id:"),
        ("order_id: id", "order_id: 7", 10, "7 is read as a number. For the same value in each row write `order_id: {"),
        ("order_id: id", "order_id: yes", 10, "write `order_id: {value: yes}`; if a column is called so, put it in"),
        ("order_id: id", "order_id: {from: []}", 10, "names of columns are expected, such as [new name, old name]"),
        ("order_id: id", "order_id: [id, 7]", 10, "put what looks like a number in quotes"),
        ("order_id: id", "order_id: {from: id, values: {}}", 10, "a text and its value are expected, such as {sim:"),
        ("order_id: id", "order_id: {from: id, values: {a: 1, A: 2}}", 10, "'a' and 'A' are one text"),
        ("order_id: id", "order_id: {value: x, values: {a: 1}}", 10, "beside from or sql, not beside value"),
        ("order_id: id", "order_id: 2024-01-01", 10, "is read as a date"),
        ("order_id: id", "order_id: {from: no}", 10, 'Put it in quotes: "no"'),
        ("order_id: id", "no: id", 10, 'the key no is read as yes or no. Put it in quotes: "no"'),
        ("channel: orders", "channel: orders\n    channel: orders", 8, "the key 'channel' stands in line 7 already"),
        ("Europe/London", "localtime", 3, "Use an IANA name such as Europe/Berlin"),
        ("Europe/London", "posix/Europe/London", 3, "Did you mean 'Europe/London'?"),
        ("Europe/Paris", "localtime", 16, "Use an IANA name such as Europe/Berlin"),
        ("  currency: GBP", "  gross_margin: .nan", 2, "a finite number is expected: at least 0 and at most 1"),
        ("  currency: GBP", "  churn_horizon_days: yes", 2, "a number is expected, not yes"),
        ("sources:", "actions: {response_days: 100000000000}\nsources:", 5, "a number up to 2,000,000,000 is expected"),
        ("as_of: 2024-06-30", "as_of: 20240630", 4, "neither a date nor `latest`"),
        ("files: landing/*.csv", "files: .", 8, "names no files"),
        ("files: landing/*.csv", "files: [a, b]", 8, "text is expected"),
        ("files: landing/*.csv", "files: landing/*.csv\n    read: {encoding: utf-9}", 9, "unknown encoding 'utf-9'"),
        ("files: landing/*.csv", "files: landing/*.csv\n    read: 5", 9, "keys with values (key: value) are expected"),
        ("order_id: {value: 7}", "order_id: {sql: now()}", 18, "a result must not depend on it"),
        ("sources:", "actions: {budget: .inf}\nsources:", 5, "actions.budget: a finite number is expected"),
        ("sources:", "actions: {costs: {email: .inf}}\nsources:", 5, "finite number"),
        ("sources:", "identity: {accept: .nan}\nsources:", 5, "more than 0 and less than 1"),
        ("  currency: GBP", "  source_trust: [tills]", 1, "source_trust names the system 'tills'"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_remedy(tmp_path, old, new, line, words):
    with pytest.raises(DatasetError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert words in str(caught.value)
    assert f"pipeline.yml, line {line}" in str(caught.value)


def test_all_mistakes_are_named_at_once(tmp_path):
    text = GOOD.replace("currency: GBP", "currency: pounds").replace("Europe/Paris", "Mars/Base")
    with pytest.raises(DatasetError) as caught:
        load(tmp_path, text)
    assert len(str(caught.value).splitlines()) == 2


def test_a_mistake_keeps_nothing_alive_that_the_interpreter_would_complain_of_at_its_end(tmp_path):
    with pytest.raises(DatasetError) as caught:
        load(tmp_path, GOOD.replace("timezone: Europe/London", "timezone: Nowhere"))
    assert caught.value.__context__ is None


def test_a_missing_or_unreadable_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match="there is no such file"):
        load_dataset(tmp_path)
    with pytest.raises(DatasetError, match="line 2: not valid YAML"):
        load(tmp_path, "business:\n  - ][\n")
    for text in ("- a\n", "", "hello"):
        with pytest.raises(DatasetError, match="a mapping with the keys"):
            load(tmp_path, text)


def test_constants_and_nulls_are_text_as_they_are_written(tmp_path):
    text = GOOD.replace("{value: 7}", "{value: 0012}").replace(
        "files: till", "read: {null_values: [no, ~]}\n    files: till"
    )
    till = load(tmp_path, text).sources[1]
    assert till.columns["order_id"].value == "0012"
    assert till.read.null_values == ("no", "~")
