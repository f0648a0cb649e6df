"""`crm init` writes a pipeline.yml that loads, needs few edits, and gives what the one written by hand gives."""

import difflib
import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from crm_pipeline.cli.app import app
from crm_pipeline.config.contract import contracts
from crm_pipeline.config.dataset import DatasetError, load_dataset
from crm_pipeline.config.settings import PROJECT
from crm_pipeline.raw.check_sources import check_sources
from crm_pipeline.raw.init import EDIT, write_draft
from tests.raw.conftest import RUN_TIME, Shop

EXPORTS = Path(__file__).parent / "fixtures" / "presets"
MOST_EDITS = 3
MOST_CHANGED_LINES = 5
RETAIL_HEADER = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"


def retail_year(year: int) -> bytes:
    """Invoices, a credit note and an entry of the ledger in the layout of Online Retail II."""
    rows = [
        f"{year}{n:03},{85000 + n},{item},{n},{year}-12-{n:02} 07:45:00,{n}.95,1{n:04},United Kingdom\n"
        for n, item in enumerate(["GLASS BALL", '"TEA, LIGHT"', " WHITE LIGHT", "MUG"] * 5, start=1)
    ]
    rows.append(f"C{year}900,85001,GLASS BALL,-1,{year}-12-05 10:00:00,1.95,10001,United Kingdom\n")
    rows.append(f"A{year}901,B,Adjust bad debt,1,{year}-12-06 10:00:00,11062.06,,United Kingdom\n")
    rows.append(f"{year}902,85002,CARDS,3,{year}-12-07 10:00:00,2.50,10002,France\n")
    return gzip.compress((RETAIL_HEADER + "".join(rows)).encode())


def retail(shop: Shop) -> None:
    shop.deliver("year_2009_2010.csv.gz", retail_year(2009))
    shop.deliver("year_2010_2011.csv.gz", retail_year(2010))


def journey(shop: Shop) -> None:
    """All tables of The Complete Journey, in its layout."""
    times = [datetime(2017, 1, 1, 3, 30) + timedelta(hours=5 * n) for n in range(40)]
    count = range(40)
    tables = {
        "transactions": {
            "household_id": [900 + n % 7 for n in count],
            "store_id": [330 + n % 3 for n in count],
            "basket_id": [31198570044 + n // 3 for n in count],
            "product_id": [1095275 + n % 9 for n in count],
            "quantity": [1 + n % 4 for n in count],
            "sales_value": [0.5 + n for n in count],
            "retail_disc": [0.1 * n for n in count],
            "coupon_disc": [0.0 for _ in count],
            "coupon_match_disc": [0.0 for _ in count],
            "week": [1 + n // 7 for n in count],
            "transaction_timestamp": times,
        },
        "demographics": {
            "household_id": [900 + n for n in range(7)],
            "age": ["65+", "45-54", "19-24", "25-34", "35-44", "45-54", "55-64"],
            "income": ["35-49K", "50-74K", "250K+", "Under 15K", "35-49K", "75-99K", "35-49K"],
            "home_ownership": ["Homeowner"] * 7,
            "marital_status": ["Married"] * 7,
            "household_size": ["2", "1", "5+", "3", "4", "5+", "2"],
            "household_comp": ["2 Adults No Kids"] * 7,
            "kids_count": ["0", "1", "3+", "0", "0", "0", "0"],
        },
        "products": {
            "product_id": [1095275 + n for n in range(9)],
            "manufacturer_id": [2] * 9,
            "department": ["GROCERY"] * 6 + ["MISCELLANEOUS"] * 3,
            "brand": ["National", "Private", "National"] * 3,
            "product_category": ["FRZN ICE"] * 3 + ["BREAD"] * 3 + [None] * 3,
            "product_type": ["ICE - CRUSHED", "ICE - CUBED", "ICE - DRY", "RYE", "WHITE", "OAT", None, None, None],
            "package_size": ["22 LB"] * 9,
        },
        "campaigns": {"campaign_id": [1, 2], "household_id": [900, 901]},
        "campaign_descriptions": {
            "campaign_id": [1, 2],
            "campaign_type": ["Type B", "Type C"],
            "start_date": times[:2],
            "end_date": times[2:4],
        },
        "coupons": {"coupon_upc": [10000085207], "product_id": [1095275], "campaign_id": [1]},
        "coupon_redemptions": {
            "household_id": [900],
            "coupon_upc": [10000085207],
            "campaign_id": [1],
            "redemption_date": times[:1],
        },
        "promotions": {
            "product_id": [1],
            "store_id": [330],
            "display_location": ["9"],
            "mailer_location": ["0"],
            "week": [1],
        },
    }
    for name, columns in tables.items():
        path = shop.deliver(f"{name}.parquet", b"")
        pq.write_table(pa.table(columns), path)


#: dataset -> its files, the edits by hand, and contract columns that the hand-made answer sets beyond what files say
DATASETS = {
    "online_retail_ii": (
        retail,
        [("else 'completed'", "when \"Invoice\" like 'A%' then 'cancelled' else 'completed'")],
        (),
    ),
    "complete_journey": (
        journey,
        [
            (
                "GB\n  timezone: Europe/London\n  currency: GBP\n  as_of: latest",
                "US\n  timezone: America/New_York\n  currency: USD\n  as_of: 2017-12-31",
            ),
            (
                "    files: landing/transactions.parquet\n",
                "    files: landing/transactions.parquet\n    timezone: UTC\n",
            ),
        ],
        ("country",),
    ),
}


def rows_of(shop: Shop, channel: str, without: tuple[str, ...]) -> list[tuple]:
    columns = ", ".join(name for name in contracts()[channel].column_names if name not in without)
    files = shop.version() / channel / "*.parquet"
    query = f"select {columns}, _file, _line from read_parquet('{files}', hive_partitioning = false) order by all"
    return duckdb.execute(query).fetchall()


@pytest.mark.parametrize("name", DATASETS)
def test_few_edits_give_what_the_file_written_by_hand_gives(tmp_path, name):
    deliver, edits, without = DATASETS[name]
    drafted, by_hand = Shop(tmp_path / "drafted"), Shop(tmp_path / "by_hand")
    for shop in (drafted, by_hand):
        deliver(shop)
    draft = write_draft(drafted.settings.dataset_folder, force=True)
    edited = draft.text
    for before, after in edits:
        assert before in edited
        edited = edited.replace(before, after)
    changed = [line for line in difflib.ndiff(draft.text.splitlines(), edited.splitlines()) if line.startswith("+ ")]
    assert len(changed) <= MOST_CHANGED_LINES
    draft.path.write_text(edited, encoding="utf-8")
    answer = (PROJECT / "data" / name / "pipeline.yml").read_text(encoding="utf-8")
    (by_hand.settings.dataset_folder / "pipeline.yml").write_text(answer, encoding="utf-8")
    for shop in (drafted, by_hand):
        shop.load(RUN_TIME)
        assert shop.quarantine() == []
    for channel in ("orders", "order_lines", "customers", "products"):
        assert rows_of(drafted, channel, without) == rows_of(by_hand, channel, without)
    assert rows_of(drafted, "order_lines", ())


@pytest.mark.parametrize("name", DATASETS)
def test_a_draft_loads_as_it_is(shop, name):
    DATASETS[name][0](shop)
    draft = write_draft(shop.settings.dataset_folder, force=True)
    assert sum(EDIT in line and not line.startswith("#") for line in draft.text.splitlines()) <= MOST_EDITS
    assert check_sources(shop.dataset, RUN_TIME).is_fine


def test_tables_that_no_channel_takes_are_named_and_left_out(shop):
    journey(shop)
    draft = write_draft(shop.settings.dataset_folder, force=True)
    assert {source.name for source in shop.dataset.sources} == {
        "campaign_descriptions",
        "demographics",
        "products",
        "transactions",
    }
    assert "#     # its columns: coupon_upc, product_id, campaign_id" in draft.text
    assert any("landing/promotions.parquet: " in note for note in draft.notes)


def test_a_systems_own_ways_are_guessed(shop):
    header = "Bestellnummer;Bestelldatum;Kundennummer;Artikelnummer;Menge;Einzelpreis;Status\n"
    rows = "".join(
        f"{n};{n}.03.2024 10:00;K{n};A{n};{n};1.{n:03},50;{'Paid' if n % 2 else 'Void'}\n" for n in range(1, 29)
    )
    shop.deliver("verkauf_2024_03.csv", (header + rows).replace("K1;", "Kä;").encode("cp1252"))
    write_draft(shop.settings.dataset_folder, force=True)
    (source,) = shop.dataset.sources
    assert (source.channel, source.files) == ("order_lines", "landing/verkauf_*.csv")
    assert (source.read.delimiter, source.read.encoding) == (";", "cp1252")
    assert source.columns["ordered_at"].format == "%d.%m.%Y %H:%M"
    assert source.columns["unit_price"].decimal == ","
    shop.load(RUN_TIME)
    query = "select unit_price::varchar, status, ordered_at::varchar from {order_lines} where order_id = '28'"
    # Its headers are German, and so are its times.
    assert shop.dataset.business.timezone == "Europe/Berlin"
    assert shop.query(query) == [("1028.5000", "cancelled", "2024-03-28 09:00:00")]


def test_exports_of_known_systems_become_presets(shop):
    for export in EXPORTS.iterdir():
        shop.deliver(export.name, export.read_bytes())
    write_draft(shop.settings.dataset_folder, force=True)
    found = {(source.preset, source.files) for source in shop.dataset.sources}
    expected = {(path.stem, f"landing/{path.name}") for path in EXPORTS.iterdir()}
    assert found == expected | {
        ("shopify_order_lines", "landing/shopify_orders.csv"),
        ("shopify_payments", "landing/shopify_orders.csv"),
        ("woocommerce_order_lines", "landing/woocommerce_orders.csv"),
    }
    shop.load(datetime(2024, 12, 1, tzinfo=UTC))
    assert shop.quarantine() == []


def test_any_format_is_taken(shop):
    records = [
        {"id": f"T{n}", "created_at": f"2024-01-{n:02}T10:00:00Z", "user": {"id": n}, "priority": "low"}
        for n in range(1, 9)
    ]
    shop.deliver("tickets.json", json.dumps({"page": 1, "tickets": records}))
    shop.deliver(
        "events.jsonl", "".join(f'{{"id": "{n}", "type": "search", "timestamp": "2024-01-01"}}\n' for n in range(9))
    )
    shop.deliver("rates.tsv", "currency\tdate\trate\nUSD\t2024-01-01\t0.79\nEUR\t2024-01-01\t0.86\n")
    workbook = openpyxl.Workbook()
    for row in [["response id", "score", "submitted at"], *([f"R{n}", n, f"2024-01-{n:02}"] for n in range(1, 10))]:
        workbook.active.append(row)
    workbook.save(shop.deliver("nps.xlsx", b""))
    write_draft(shop.settings.dataset_folder, force=True)
    assert {(source.name, source.channel) for source in shop.dataset.sources} == {
        ("tickets", "support_tickets"),
        ("events", "web_events"),
        ("rates", "exchange_rates"),
        ("nps", "survey_responses"),
    }
    shop.load(RUN_TIME)
    assert shop.quarantine() == []
    assert {entry.channel: entry.rows_loaded for entry in shop.ledger()} == {
        "support_tickets": 8,
        "web_events": 9,
        "exchange_rates": 2,
        "survey_responses": 9,
    }


def test_files_of_one_layout_are_one_source_and_others_their_own(shop):
    for day in ("2024-01-01", "2024-01-02"):
        shop.deliver(f"{day}/orders.csv", f"order id,date,total\n1,{day},5\n")
    shop.deliver("till/sales_1.csv", "receipt no;sold at;total\n1;2024-01-01;5\n")
    shop.deliver("till/sales_2.csv", "receipt no;sold at;total\n2;2024-01-01;5\n")
    shop.deliver("till/sales_3.csv", "receipt no;sold at;total;vat\n3;2024-01-01;5;1\n")
    write_draft(shop.settings.dataset_folder, force=True)
    assert [(source.system, source.files) for source in shop.dataset.sources] == [
        ("shop", "landing/*/orders.csv"),
        ("till", "landing/till/sales_1.csv"),
        ("till", "landing/till/sales_2.csv"),
        ("till", "landing/till/sales_3.csv"),
    ]


def test_all_files_of_a_layout_help_to_tell_how_it_is_written(shop):
    shop.deliver("orders_1.csv", "order id,date,total,currency\n1,01/02/2024,5,£\n")
    shop.deliver("orders_2.csv", "order id,date,total,currency\n2,03/24/2024,5,usd\n")
    draft = write_draft(shop.settings.dataset_folder, force=True)
    (source,) = shop.dataset.sources
    assert source.columns["ordered_at"].format == "%m/%d/%Y"
    assert shop.dataset.business.currency == "USD"
    assert "told apart" not in draft.text


def test_what_a_source_lacks_is_said_where_nothing_is_complete(shop):
    shop.deliver("orders.csv", "order number,total,email,coupon\n1,5,a@example.com,X\n")
    draft = write_draft(shop.settings.dataset_folder, force=True)
    assert f"ordered_at:  {EDIT} required" in draft.text
    with pytest.raises(DatasetError, match="ordered_at"):
        load_dataset(shop.settings.dataset_folder)


def test_files_that_cannot_be_read_are_left_out_and_named(shop):
    retail(shop)
    shop.deliver("empty.csv", "")
    shop.deliver("people.csv", "1,a@example.com\n2,b@example.com\n")
    draft = write_draft(shop.settings.dataset_folder, force=True)
    assert draft.notes[0].startswith("landing/empty.csv is left out: The file is empty.")
    assert draft.notes[1] == "landing/people.csv is left out: its first line is no header. Export it with one."
    assert "example.com" not in draft.text


def test_a_pipeline_that_is_there_is_kept_unless_told_otherwise(shop):
    retail(shop)
    path = shop.settings.dataset_folder / "pipeline.yml"
    before = path.read_text(encoding="utf-8")
    with pytest.raises(DatasetError, match=r"it is there already\. Use --force"):
        write_draft(shop.settings.dataset_folder)
    assert path.read_text(encoding="utf-8") == before


def test_a_folder_without_data_is_named(tmp_path):
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(DatasetError, match=r"there are no data files in it\. Put your exports into"):
        write_draft(tmp_path)
    (tmp_path / "things.csv").write_text("")
    with pytest.raises(DatasetError, match="The file is empty"):
        write_draft(tmp_path)


def test_the_command_writes_the_file_and_says_what_to_edit(tmp_path):
    shop = Shop(tmp_path)
    journey(shop)
    folder = str(shop.settings.dataset_folder)
    refused = CliRunner().invoke(app, ["init", folder])
    assert (refused.exit_code, "--force" in refused.output) == (1, True)
    written = CliRunner().invoke(app, ["init", folder, "--force"])
    assert written.exit_code == 0
    assert "line 4: your country and its time zone, and your currency" in written.output


def per_order_ids(shop: Shop) -> None:
    """A marketplace whose orders have a customer id each, and whose customers name the person beside it."""
    count = range(30)
    shop.deliver(
        "customers.csv",
        "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state\n"
        + "".join(f"c{n},p{n % 20},01310,sao paulo,SP\n" for n in count),
    )
    shop.deliver(
        "orders.csv",
        "order_id,customer_id,order_status,order_purchase_timestamp\n"
        + "".join(
            f"o{n},c{n},{'unavailable' if n % 9 == 8 else 'delivered'},2024-01-{n + 1:02} 10:00:00\n" for n in count
        ),
    )
    shop.deliver(
        "items.csv",
        "order_id,order_item_id,product_id,seller_id,price,freight_value\n"
        + "".join(f"o{n},1,x,s,9.50,3.20\n" for n in count),
    )
    shop.deliver(
        "payments.csv",
        "order_id,payment_sequential,payment_type,payment_installments,payment_value\n"
        + "".join(f"o{n},1,voucher,1,2.70\no{n},2,credit_card,3,10.00\n" for n in count),
    )


def test_the_person_behind_ids_per_order_is_found(shop):
    per_order_ids(shop)
    draft = write_draft(shop.settings.dataset_folder, force=True)
    sources = {source.channel: source for source in shop.dataset.sources}
    assert sources["customers"].columns["loyalty_id"].origins == ("customer_unique_id",)
    assert sources["payments"].columns["amount"].origins == ("payment_value",)
    assert sources["order_lines"].columns["shipping_amount"].origins == ("freight_value",)
    assert (shop.dataset.business.default_region, shop.dataset.business.currency) == ("BR", "BRL")
    assert [line.split(EDIT)[1][:13] for line in draft.text.splitlines() if EDIT in line] == [" your margin "]


def test_a_lookup_is_joined_to_what_it_explains(shop):
    shop.deliver("products.csv", "product_id,product_category_name\na,beleza\nb,esporte\nc,beleza\nd,novo\n")
    translations = "product_category_name,product_category_name_english\nbeleza,beauty\nesporte,sports\n"
    shop.deliver("translation.csv", translations)
    draft = write_draft(shop.settings.dataset_folder, force=True)
    assert "join:" in draft.text
    assert check_sources(shop.dataset, RUN_TIME).is_fine
    shop.load(RUN_TIME)
    query = "select product_id, category_path from {products} order by 1"
    assert shop.query(query) == [("a", "beauty"), ("b", "sports"), ("c", "beauty"), ("d", "novo")]


def test_products_have_the_ids_by_which_order_lines_name_them(shop):
    shop.deliver("products.csv", "sku,ean,name\n" + "".join(f"{n}0,A{n},Mug {n}\n" for n in range(5)))
    shop.deliver(
        "lines.csv", "order_no,date,ean,qty,price\n" + "".join(f"o{n},2024-01-05,A{n},1,2.50\n" for n in range(5))
    )
    write_draft(shop.settings.dataset_folder, force=True)
    sources = {source.channel: source for source in shop.dataset.sources}
    assert sources["products"].columns["product_id"].origins == ("ean",)
    shop.deliver(
        "lines.csv", "order_no,date,ean,qty,price\n" + "".join(f"o{n},2024-01-05,X{n},1,2.50\n" for n in range(5))
    )
    write_draft(shop.settings.dataset_folder, force=True)
    sources = {source.channel: source for source in shop.dataset.sources}
    assert sources["products"].columns["product_id"].origins == ("sku",)


@pytest.mark.parametrize(("total", "asked"), [("", True), ("line total", False)])
def test_a_discount_in_per_cent_is_no_amount(shop, total, asked):
    shop.deliver(
        "lines.csv",
        f"order no;date;sku;quantity;unit price;discount %;{total or 'remark'}\n"
        + "".join(f"o{n};2024-01-05;A{n};2;10.50;10.00;18.90\n" for n in range(5)),
    )
    draft = write_draft(shop.settings.dataset_folder, force=True)
    (source,) = shop.dataset.sources
    assert "discount_amount" not in source.columns
    assert any(EDIT in line and "discount %" in line for line in draft.text.splitlines()) == asked


def test_an_id_that_rows_lack_is_put_together_as_the_draft_says(shop):
    shop.deliver("orders.csv", "order_id,ordered_at,total\n1,2024-01-05,2.50\n")
    rows = "".join(f"Spring,p{n}@x.example,2024-01-0{n} 10:00:00\n" for n in range(1, 6))
    shop.deliver("mailing recipients.csv", f"campaign,email,sent at\n{rows}")
    draft = write_draft(shop.settings.dataset_folder, force=True)
    (line,) = [line for line in draft.text.splitlines() if "contact_id:" in line]
    told = yaml.safe_load(line.split("write ")[1])
    assert told == {"sql": 'concat_ws(\'|\', "campaign", "email", "sent at")'}


def test_ids_that_come_back_name_their_person_themselves(shop):
    per_order_ids(shop)
    rows = "".join(f"o{n},c{n % 12},delivered,2024-01-{n + 1:02} 10:00:00\n" for n in range(30))
    shop.deliver("orders.csv", f"order_id,customer_id,order_status,order_purchase_timestamp\n{rows}")
    write_draft(shop.settings.dataset_folder, force=True)
    assert all("loyalty_id" not in source.columns for source in shop.dataset.sources)


def test_the_next_command_names_the_dataset_and_where_it_lies(tmp_path, monkeypatch):
    folder = tmp_path / "my exports" / "shop 1"
    folder.mkdir(parents=True)
    (folder / "orders.csv").write_text("order no,date,total\n1,2024-01-13,5.50\n")
    monkeypatch.setenv("CRM_DATA_ROOT", str(tmp_path / "elsewhere"))
    away = CliRunner().invoke(app, ["init", str(folder)]).output
    assert f"CRM_DATA_ROOT='{folder.parent}' crm check-sources --dataset 'shop 1'" in away
    monkeypatch.setenv("CRM_DATA_ROOT", str(folder.parent))
    near = CliRunner().invoke(app, ["init", "shop 1", "--force"]).output
    assert "then: crm check-sources --dataset 'shop 1'" in near
    checked = CliRunner().invoke(app, ["check-sources", "--dataset", "shop 1"])
    assert (checked.exit_code, "all fine" in checked.output) == (0, True)
