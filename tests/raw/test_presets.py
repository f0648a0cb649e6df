"""Each preset loads an export in its vendor's true column layout; the values were worked out by hand."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pytest

from crm_pipeline.config.contract import contracts
from crm_pipeline.config.dataset import DatasetError, load_dataset
from crm_pipeline.config.preset import presets, source_columns

EXPORTS = Path(__file__).parent / "fixtures" / "presets"

#: preset -> (export, time zone of the business, columns to look at, expected rows)
EXPECTED = {
    "shopify_orders": (
        "shopify_orders.csv",
        (
            "order_id, ordered_at, status, currency, total_amount, tax_amount, refunded_amount, sales_channel, "
            "store_id, state"
        ),
        [
            "#1001|2024-05-01 13:58:12|completed|USD|63.30|4.32|10.80|web||IL",
            "#1002|2024-05-03 16:00:00|completed|EUR|33.00|5.50|27.50|store|Rue Neuve|",
            "#1003|2024-05-04 04:30:00|cancelled|USD|35.00|0.00|0.00|web||",
        ],
    ),
    "shopify_order_lines": (
        "shopify_orders.csv",
        "order_id, product_id, product_name, quantity, unit_price, net_amount, discount_amount, status, ordered_at",
        [
            "#1001|NAP-SND|Linen Napkin - Sand|2.000|9.99|17.98|2.00|completed|2024-05-01 13:58:12",
            "#1001|MUG-STO|Stoneware Mug|1.000|10.00|9.00|1.00|completed|2024-05-01 13:58:12",
            "#1001|TRY-OAK|Oak Tray|1.000|30.00|27.00|3.00|completed|2024-05-01 13:58:12",
            "#1002|MUG-STO|Stoneware Mug|3.000|12.00|27.50|3.00|completed|2024-05-03 16:00:00",
            "#1003|TRY-OAK|Oak Tray|1.000|30.00|30.00|0.00|cancelled|2024-05-04 04:30:00",
        ],
    ),
    "shopify_payments": (
        "shopify_orders.csv",
        "order_id, method, currency, amount, refunded_amount, status, paid_at",
        [
            "#1001|Shopify Payments|USD|63.30|12.66|paid|2024-05-01 13:58:15",
            "#1002||EUR|33.00|33.00|paid|2024-05-03 16:00:00",
            "#1003||USD|35.00|0.00|failed|",
        ],
    ),
    "shopify_customers": (
        "shopify_customers.csv",
        "customer_id, first_name, last_name, phone, street, postal_code, country, consent_email, consent_phone",
        [
            "7210448301122|Ada|Quill|+15550100|1 Mill Lane Flat 2|02134|US|true|false",
            "7210448301123|Bo|Tarn|+33 1 99 00 12 34|||FR|false|true",
        ],
    ),
    "shopify_products": (
        "shopify_products.csv",
        "product_id, product_name, category_path, brand, ean, sku, unit_cost",
        [
            "NAP-SLT|Linen Napkin|Home & Garden > Linens & Bedding > Table Linens|Northlight|96385074|NAP-SLT|3.25",
            "NAP-SND|Linen Napkin|Home & Garden > Linens & Bedding > Table Linens|Northlight||NAP-SND|3.10",
            "gift-card|Gift Card|Gift Cards|Northlight|||",
        ],
    ),
    "hubspot_contacts": (
        "hubspot_contacts.csv",
        "customer_id, first_name, last_name, phone, street, postal_code, country, created_at, updated_at, merged_ids",
        [
            "901|Ada|Quill|+1 555 0100|1 Mill Lane|02134|United States|2024-03-12 13:14:00|2024-07-01 21:45:00|880;881",
            "902|Bo||||||2024-01-16 04:30:00|2024-01-16 04:30:00|",
        ],
    ),
    "hubspot_tickets": (
        "hubspot_tickets.csv",
        "ticket_id, customer_id, contact_channel, category, priority, status, opened_at, resolved_at, subject_line",
        [
            "3301|901|email|Product issue|normal|closed|2024-05-10 12:05:00|2024-05-12 20:20:00|Tray arrived broken",
            "3302|902|web|Billing issue|high|open|2024-05-11 16:00:00||Invoice",
        ],
    ),
    "zendesk_tickets": (
        "zendesk_tickets.jsonl",
        "ticket_id, customer_id, contact_channel, priority, status, opened_at, resolved_at, reopen_count, satisfaction",
        [
            "501|25755546288|email|high|solved|2024-06-01 08:00:00|2024-06-03 09:30:00|1|5.00",
            "502|25755546288|phone||pending|2024-06-01 08:00:00||0|",
            "503|25755546288||high|open|2024-06-01 08:00:00|||1.00",
        ],
    ),
    "klaviyo_profiles": (
        "klaviyo_profiles.csv",
        "customer_id, postal_code, acquisition_medium, created_at, consent_email, consent_phone, consent_at",
        [
            "01HZX3TQ0000000000000000A1|02134|Checkout|2024-02-29 23:15:00|true|false|2024-03-01 10:00:00",
            "01HZX3TQ0000000000000000B2|||2024-01-05 07:00:00|false||2024-04-02 06:00:00",
        ],
    ),
    "klaviyo_campaigns": (
        "klaviyo_campaigns.csv",
        "campaign_id, campaign_name, medium, starts_on, ends_on",
        [
            "01JQYYRSHT0000000000000001|Free shipping, April|email|2024-04-06|2024-04-06",
            "01JQYYRSHT0000000000000002|Back in stock|push|2024-04-11|2024-04-11",
        ],
    ),
    "klaviyo_received_emails": (
        "klaviyo_received_emails.jsonl",
        "contact_id, campaign_id, customer_id, assigned_at, sent_at",
        [
            "4vRpBT0|01JQYYRSHT0000000000000001|01HZX3TQ0000000000000000A1|2024-04-06 11:00:05|2024-04-06 11:00:05",
            "4vRpBT1|01JQYYRSHT0000000000000001|01HZX3TQ0000000000000000B2|2024-04-06 11:00:09|2024-04-06 11:00:09",
        ],
    ),
    "stripe_payments": (
        "stripe_payments.csv",
        "order_id, customer_id, ordered_at, status, currency, total_amount, refunded_amount",
        [
            "ch_3Q0000000001|cus_Q1|2024-06-05 20:38:34|completed|USD|3125.00|125.50",
            "ch_3Q0000000002||2024-06-05 23:59:59|cancelled|EUR|49.00|0.00",
            "py_3Q0000000003||2024-06-06 00:00:01|completed|GBP|20.00|20.00",
        ],
    ),
    "stripe_customers": (
        "stripe_customers.csv",
        "customer_id, email, first_name, last_name, created_at",
        [
            "cus_Q1|ada.quill@example.com|Ada Maria|Quill|2024-06-01 07:30:00",
            "cus_Q2|bo.tarn@example.org||Bo|2024-06-02 08:00:00",
        ],
    ),
    "woocommerce_orders": (
        "woocommerce_orders.csv",
        "order_id, ordered_at, status, email, country, total_amount, tax_amount, shipping_amount, refunded_amount",
        [
            "501|2024-05-01 13:58:00|completed|ada.quill@example.com|US|57.40|4.40|5.00|0.00",
            "502|2024-05-02 16:00:00|completed|bo.tarn@example.org|FR|30.00|5.00|5.00|20.00",
            "503|2024-05-03 16:00:00|cancelled|bo.tarn@example.org|FR|10.00|0.00|0.00|0.00",
        ],
    ),
    "woocommerce_order_lines": (
        "woocommerce_orders.csv",
        "order_id, line_number, product_id, product_name, quantity, unit_price, status, ordered_at",
        [
            "501|1|NAP-SND|Linen Napkin|2.000|9.00|completed|2024-05-01 13:58:00",
            "501|2|TRY-OAK|Oak Tray|1.000|30.00|completed|2024-05-01 13:58:00",
            "502|1|MUG-STO|Stoneware Mug|0.000|10.00|completed|2024-05-02 16:00:00",
            "503|1|Gift Box|Gift Box|1.000|10.00|cancelled|2024-05-03 16:00:00",
        ],
    ),
    "woocommerce_order_export": (
        "woocommerce_order_export.csv",
        "order_id, customer_id, email, ordered_at, status, currency, total_amount, tax_amount, shipping_amount",
        [
            "701|9|ada.quill@example.com|2024-05-01 13:58:12|completed|USD|57.40|4.40|5.00",
            "702||bo.tarn@example.org|2024-05-02 16:00:00|cancelled|EUR|10.00|0.00|0.00",
        ],
    ),
    "woocommerce_analytics_orders": (
        "woocommerce_analytics_orders.csv",
        "order_id, ordered_at, status, total_amount, coupon_code",
        [
            "801|2024-05-01 13:58:12|completed|48.00|SPRING",
            "802|2024-05-02 16:00:00|cancelled|10.00|",
        ],
    ),
    "woocommerce_customers": (
        "woocommerce_customers.csv",
        "customer_id, email, first_name, last_name, city, postal_code, country, phone, created_at",
        [
            "ada.quill@example.com|ada.quill@example.com|Ada|Quill|Salem|02134|US|+1 555 0100|2024-01-02 14:30:00",
            "bo.tarn@example.org|bo.tarn@example.org|Bo|Tarn|Lyon|69001|FR||",
        ],
    ),
    "magento_orders": (
        "magento_orders.csv",
        "order_id, email, ordered_at, status, total_amount, shipping_amount, refunded_amount",
        [
            "000000101|ada.quill@example.com|2024-05-01 13:58:12|completed|63.30|5.00|",
            "000000102|bo.tarn@example.org|2024-05-03 16:00:00|completed|33.00|5.00|28.00",
            "000000103|bo.tarn@example.org|2024-05-04 04:30:00|cancelled|35.00|5.00|",
        ],
    ),
    "magento_customers": (
        "magento_customers.csv",
        "customer_id, first_name, last_name, email, phone, postal_code, country, street, city, created_at",
        [
            "10|Bo van|Tarn|bo.tarn@example.org||69001|France||Lyon|2024-01-16 04:30:00",
            "9|Ada|Quill|ada.quill@example.com|555 0100|02134|United States|1 Mill Lane|Salem|2024-03-12 13:14:00",
        ],
    ),
    "square_transactions": (
        "square_transactions.csv",
        "order_id, original_order_id, customer_id, sales_channel, ordered_at, status, total_amount, tax_amount",
        [
            "SQA1-PA1R|SQA1|CUST1|store|2024-05-20 13:00:00|returned|-12.96|-0.96",
            "SQA1||CUST1|store|2024-05-01 14:02:11|completed|29.16|2.16",
            "SQB2|||web|2024-05-02 15:40:00|completed|1032.96|0.96",
        ],
    ),
    "square_items": (
        "square_items.csv",
        "order_id, product_id, product_name, quantity, net_amount, status, ordered_at, customer_id",
        [
            "SQA1|MUG-1|Speckled Mug|1.000|15.00|completed|2024-05-01 14:02:11|CUST1",
            "SQA1|Fern Print - Regular|Fern Print|1.000|12.00|completed|2024-05-01 14:02:11|CUST1",
            "SQA1-PA1R|Fern Print - Regular|Fern Print|-1.000|-12.00|returned|2024-05-20 13:00:00|CUST1",
        ],
    ),
    "square_customers": (
        "square_customers.csv",
        "customer_id, first_name, last_name, email, phone, street, postal_code, consent_email",
        [
            "CUST1|Ada|Quill|ada.quill@example.com|+15550100|1 Mill Lane Flat 2|02134|true",
            "CUST2|Bo|Tarn|bo.tarn@example.org||||false",
        ],
    ),
    "amazon_all_orders": (
        "amazon_all_orders.txt",
        "order_id, product_id, quantity, net_amount, status, ordered_at, sales_channel, country, currency",
        [
            "111-0000001-0000001|NAP-SND|2.000|18.00|completed|2024-05-01 20:15:30|marketplace|US|USD",
            "111-0000001-0000001|TRY-OAK|1.000|30.00|completed|2024-05-01 20:15:30|marketplace|US|USD",
            "302-0000002-0000002|MUG-STO|1.000|10.00|completed|2024-05-02 06:00:00|marketplace|DE|EUR",
            "302-0000003-0000003|MUG-STO|0.000||cancelled|2024-05-03 06:00:00|marketplace|DE|",
        ],
    ),
    "amazon_new_orders": (
        "amazon_new_orders.txt",
        "order_id, product_id, quantity, net_amount, ordered_at, email, phone, country, currency",
        [
            "111-0000005-0000005|TRY-OAK|1.000|30.00|2024-05-01 20:15:30|x1@marketplace.example|555 0100|US|USD",
            "026-0000006-0000006|MUG-STO|2.000|20.00|2024-05-02 08:00:00|x2@marketplace.example||GB|GBP",
        ],
    ),
    "ga4_events": (
        "ga4_events.jsonl",
        "event_id, customer_id, session_id, event_type, occurred_at, order_id",
        [
            "1234.5678-1714557492123456-page_view-7||1234.5678-171455|page_view|2024-05-01 09:58:12.123|",
            "1234.5678-1714557499000000-view_item-7|9|1234.5678-171455|product_view|2024-05-01 09:58:19|",
            "1234.5678-1714557600000000-purchase-7|9||purchase|2024-05-01 10:00:00|501",
        ],
    ),
    "mailchimp_audience": (
        "mailchimp_audience.csv",
        "customer_id, last_name, country, created_at, updated_at, consent_email, consent_at",
        [
            "89501affba|Quill|US|2024-03-01 10:00:00|2024-04-01 08:00:00|true|2024-03-01 10:05:00",
            "c9b2705335|Tarn|FR|2024-01-05 07:00:00|2024-04-02 06:00:00|false|2024-04-02 06:00:00",
        ],
    ),
    "mailchimp_campaigns": (
        "mailchimp_campaigns.csv",
        "campaign_id, campaign_name, medium, starts_on, ends_on",
        [
            "17671f6028|May news|email|2024-05-02|2024-05-02",
            "6e3fb30c88|Spring sale|email|2024-04-18|2024-04-18",
        ],
    ),
}


def deliver(shop, preset, **own):
    export = EXPORTS / EXPECTED[preset][0]
    shop.deliver(export.name, export.read_bytes())
    source = {"name": "export", "preset": preset, "files": f"landing/{export.name}"}
    # Square marks its amounts with the sign of the account's currency.
    currency = {"currency": "USD"} if preset.startswith("square") else {}
    shop.configure(source | own, timezone="America/New_York", **currency)


def loaded(shop, channel, columns):
    texts = ", ".join(
        f"coalesce(regexp_replace({name}::varchar, '^(-?\\d+\\.\\d\\d)00$', '\\1'), '')" for name in columns.split(", ")
    )
    files = shop.version() / channel / "*.parquet"
    query = f"select concat_ws('|', {texts}) from read_parquet('{files}', hive_partitioning = false)"
    order = "_line" if channel == "order_lines" else "1"
    return [row for (row,) in duckdb.execute(f"{query} order by {order}").fetchall()]


@pytest.mark.parametrize("preset", EXPECTED)
def test_three_lines_load_an_export(shop, preset):
    deliver(shop, preset)
    shop.load(datetime(2024, 12, 1, tzinfo=UTC))
    assert shop.quarantine() == []
    _, columns, rows = EXPECTED[preset]
    assert loaded(shop, presets()[preset]["channel"], columns) == rows


def test_each_preset_has_an_example():
    assert set(EXPECTED) == set(presets())


@pytest.mark.parametrize("preset", presets())
def test_a_preset_maps_columns_of_its_contract_and_names_no_user(preset):
    content = presets()[preset]
    assert set(content["columns"]) <= set(contracts()[content["channel"]].column_names)
    assert not {"name", "files", "preset"} & set(content)
    assert all(column in content["columns"] for column in required(content["channel"]))


def required(channel):
    return [column.name for column in contracts()[channel].columns if column.required]


def test_the_lines_of_an_order_sum_to_what_it_brought(shop):
    deliver(shop, "shopify_order_lines")
    shop.load(datetime(2024, 12, 1, tzinfo=UTC))
    totals = "order_id, sum(net_amount)::decimal(18, 2)::varchar"
    query = f"select {totals} from {{order_lines}} group by order_id order by order_id"
    assert shop.query(query) == [("#1001", "53.98"), ("#1002", "27.50"), ("#1003", "30.00")]


def test_further_line_items_of_an_order_are_accounted_for_as_superseded(shop):
    deliver(shop, "shopify_orders")
    shop.load(datetime(2024, 12, 1, tzinfo=UTC))
    entry = shop.entry("shopify_orders.csv")
    assert (entry.rows_read, entry.rows_loaded, entry.rows_superseded, entry.rows_quarantined) == (5, 3, 2, 0)


LATER_COLUMNS = {
    "shopify_orders": ["Duties", "Location", "Phone", "Source", "Shipping Province", "Billing Province"],
    "shopify_payments": ["Outstanding Balance"],
    "shopify_order_lines": ["Duties"],
    "shopify_customers": ["Accepts SMS Marketing", "Phone", "Default Address Phone", "Default Address Province Code"],
    "shopify_products": ["Product Category", "Variant Barcode", "Cost per item"],
    "hubspot_contacts": ["Merged object IDs", "Merged record IDs"],
    "stripe_payments": ["Refunded date (UTC)"],
    "woocommerce_order_lines": ["Item #"],
    "woocommerce_customers": ["Billing Phone"],
    "magento_customers": ["Street Address", "City"],
    "mailchimp_audience": ["First Name", "Last Name", "Phone Number", "UNSUB_TIME"],
    "amazon_new_orders": ["buyer-phone-number"],
}
#: Keys that events may lack: a row of JSON lines has what it has.
KEYS_OF_EVENTS = {
    "ga4_events": {
        "event_bundle_sequence_id",
        "user_id",
        "device.category",
        "traffic_source.source",
        "traffic_source.medium",
        "traffic_source.name",
        "ecommerce.transaction_id",
    },
    "mailchimp_audience": {"UNSUB_TIME", "CLEAN_TIME", "First Name", "Last Name", "Phone Number"},
}


@pytest.mark.parametrize("preset", LATER_COLUMNS)
def test_an_older_export_that_lacks_later_columns_loads_too(shop, preset):
    deliver(shop, preset)
    (file,) = (shop.settings.dataset_folder / "landing").iterdir()
    delimiter = "\t" if file.suffix == ".txt" else ","
    header, *rows = csv.reader(file.read_text(encoding="utf-8").splitlines(), delimiter=delimiter)
    kept = [place for place, name in enumerate(header) if name not in LATER_COLUMNS[preset]]
    with file.open("w", encoding="utf-8", newline="") as older:
        csv.writer(older, delimiter=delimiter).writerows([row[place] for place in kept] for row in [header, *rows])
    shop.load(datetime(2024, 12, 1, tzinfo=UTC))
    assert shop.quarantine() == []
    _, columns, whole = EXPECTED[preset]
    assert len(loaded(shop, presets()[preset]["channel"], columns)) == len(whole)


def test_what_older_exports_lack_is_all_that_a_preset_calls_optional():
    for name, preset in presets().items():
        later = set()
        for mapping in preset["columns"].values():
            optional = mapping.get("optional", []) if isinstance(mapping, dict) else []
            later |= set(np.atleast_1d(mapping["from"]).tolist() if optional is True else optional)
        assert later == KEYS_OF_EVENTS.get(name, set(LATER_COLUMNS.get(name, []))), name


def test_a_column_that_an_expression_needs_stays_required(shop):
    deliver(shop, "shopify_orders")
    (file,) = (shop.settings.dataset_folder / "landing").iterdir()
    file.write_text(file.read_text(encoding="utf-8").replace("Taxes", "Fees", 1), encoding="utf-8")
    shop.load(datetime(2024, 12, 1, tzinfo=UTC))
    ((_, _, problem),) = shop.quarantine()
    assert "has no column 'Taxes'" in problem


def test_own_keys_win_over_the_preset(shop):
    deliver(
        shop,
        "stripe_customers",
        system="payments",
        read={"null_values": ["Bo"]},
        timezone="Europe/Paris",
        columns={"email": None, "city": "Plan", "first_name": "Name"},
    )
    (source,) = load_dataset(shop.settings.dataset_folder).sources
    assert (source.system, source.timezone, source.channel) == ("payments", "Europe/Paris", "customers")
    assert source.read.null_values == ("Bo",)
    assert "email" not in source.columns
    assert (source.columns["first_name"].from_, source.columns["city"].from_) == ("Name", "Plan")
    assert source.columns["customer_id"].from_ == "id"


def test_sources_of_one_vendor_share_their_ids(shop):
    names = ["shopify_orders", "shopify_order_lines", "shopify_customers", "shopify_products"]
    shop.configure(*({"name": name, "preset": name, "files": f"{name}/*.csv"} for name in names))
    assert {source.system for source in shop.dataset.sources} == {"shopify"}


def test_an_unknown_preset_is_named_with_the_nearest_and_all_there_are(shop):
    shop.configure({"name": "shop", "preset": "shopify_order", "files": "x.csv"})
    with pytest.raises(
        DatasetError, match=r"unknown preset 'shopify_order'. Did you mean 'shopify_orders'\?"
    ) as caught:
        load_dataset(shop.settings.dataset_folder)
    assert all(name in str(caught.value) for name in presets())


def test_an_export_that_lacks_a_column_is_refused_with_its_name(shop):
    deliver(shop, "stripe_payments")
    text = (EXPORTS / "stripe_payments.csv").read_text(encoding="utf-8")
    shop.deliver("stripe_payments.csv", text.replace("Created date (UTC)", "Created (UTC)", 1))
    shop.load()
    entry = shop.entry("stripe_payments.csv")
    assert "no column 'Created date (UTC)'" in entry.problem
    assert "Did you mean 'Created (UTC)'?" in entry.problem
    deliver(shop, "stripe_payments", columns={"ordered_at": "Created (UTC)"})
    shop.deliver("stripe_payments.csv", text.replace("Created date (UTC)", "Created (UTC)", 1))
    shop.load(datetime(2024, 12, 1, tzinfo=UTC))
    assert shop.entry("stripe_payments.csv").rows_loaded == 3


def test_an_own_expression_that_does_not_fit_is_named_and_not_one_of_the_preset(shop):
    deliver(shop, "shopify_orders", columns={"loyalty_id": {"sql": '"Card"'}})
    shop.load()
    assert "The expression of columns.loyalty_id does not fit the file" in shop.entry("shopify_orders.csv").problem


def test_a_preset_tells_which_columns_it_needs():
    needed = source_columns("stripe_customers")
    assert needed["customer_id"] == {"id"}
    assert needed["last_name"] == {"Name"}


def test_the_page_of_an_event_is_taken_out_of_its_parameters(shop):
    deliver(shop, "ga4_events")
    shop.load(datetime(2024, 12, 1, tzinfo=UTC))
    assert loaded(shop, "web_events", "page_url, referrer_url, utm_medium")[0] == (
        "https://shop.example/a|https://search.example/|email"
    )
