"""The report's figures, plots and sentences say what the serving file says."""

import base64
import re
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree

import duckdb
import pytest
import yaml

from crm_pipeline.config.settings import PROJECT
from crm_pipeline.faults.guard import WHERE
from crm_pipeline.publish.errors import PublishError
from crm_pipeline.publish.release import publish
from crm_pipeline.publish.report import draw, page
from crm_pipeline.publish.report.attention import OFF_TARGET, SENTENCES, attention
from crm_pipeline.publish.report.found import Found, Part, ask
from crm_pipeline.publish.report.page import SECTIONS, write_report
from crm_pipeline.publish.report.scorecard import SQL, scorecard, sparkline
from crm_pipeline.publish.report.words import told

JUNE = date(2026, 6, 1)
MONTHS = [date(2026, month, 1) for month in (4, 5, 6)]


def texts(html: str) -> set[str]:
    """The texts of the picture that a piece of HTML holds."""
    (code,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    return {text.strip() for text in ElementTree.fromstring(base64.b64decode(code)).itertext() if text.strip()}


@pytest.fixture
def marts() -> duckdb.DuckDBPyConnection:
    """The tables that sentences and scorecard read, of a company with nothing to worry about."""
    con = duckdb.connect()
    con.execute("""
        create schema marts;
        create table marts.kpi_definitions as select * from (values
            ('churn_rate', 'churn', 'share', 'down', 'lost / customers', 'Who left.'),
            ('revenue', 'value', 'money', 'up', 'sum', 'Net <of> returns.')
        ) as d (kpi, kpi_group, unit, direction, formula, description);
        create table marts.kpi_scorecard as select * from (values
            ('churn_rate', 'churn', 'share', 0.25, 0.1, 0.5, 'on_target', 4.0, true, date '2026-06-01'),
            ('churn_rate', 'churn', 'share', 0.125, 0.1, null, 'on_target', 8.0, true, date '2026-05-01'),
            ('churn_rate', 'churn', 'share', 0.9, 0.1, null, 'off_target', 8.0, false, date '2026-07-01'),
            ('revenue', 'value', 'money', 1234.5, null, -0.25, 'no_target', null, true, date '2026-06-01')
        ) as s (kpi, kpi_group, unit, value, target, trend, status, denominator, is_complete, month);
        alter table marts.kpi_scorecard alter value type double;
        alter table marts.kpi_scorecard alter trend type double;
        alter table marts.kpi_scorecard alter denominator type double;
        alter table marts.kpi_scorecard add column dimension varchar default 'all';
        create table marts.customer_360 (churn_risk_band varchar, clv_predicted decimal(18, 2));
        create table marts.campaign_performance (
            campaign_name varchar, experiment_status varchar, sample_ratio_p double, starts_on date,
            incremental_margin decimal(18, 2), incremental_margin_lower double, incremental_margin_upper double
        );
        create table marts.mentions_to_answer (days_waiting bigint);
        create table marts.model_status (as_of_date date, model varchar, status varchar, reason varchar);
        insert into marts.model_status values ('2026-05-31', 'clv', 'insufficient_data', 'Told in May only.');
        insert into marts.model_status values ('2026-06-30', 'clv', 'ok', null);
        set variable last_month = date '2026-06-01';
    """)
    return con


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (None, "", "-"),
        (0.4567, "share", "45.7%"),
        (1234.56, "money", "1,235"),
        (12.345, "money", "12.35"),
        (12.345, "hours", "12.3"),
        (0.044, "tickets per order", "0.04"),
        (Decimal("1200.00"), "", "1,200"),
        (-23.5, "points", "-23.5"),
        (3, "customers", "3"),
        (True, "", "yes"),
        ("receipt_no", "", "receipt_no"),
    ],
)
def test_a_figure_is_told_as_people_read_it(value, unit, said):
    assert told(value, unit) == said


def test_a_stack_of_bars_has_every_series_and_month_also_where_one_is_missing():
    rows = [(MONTHS[0], "store", Decimal("5.00")), (MONTHS[2], "store", None), (MONTHS[1], "$ web <b>$", 2)]
    said = texts(draw.stacked("revenue")("Revenue", Found(["month", "channel", "revenue"], rows)))
    assert {"revenue", "store", "$ web <b>$", "Apr", "Jun"} <= said


def test_lines_name_their_series_and_shares_are_percent():
    rows = [(month, name, 0.5) for name in ("survey", "ticket") for month in MONTHS]
    said = texts(draw.lines("share", percent=True)("Negative", Found(["month", "channel", "share"], rows)))
    assert {"survey", "ticket", "50%"} <= said


def test_bars_carry_their_names_and_figures():
    said = texts(draw.bars("people")("Lifecycle", Found(["stage", "people"], [("growth", 12_345), ("decline", 7)])))
    assert {"growth", "12,345", "decline", "7"} <= said


def test_intervals_carry_their_names():
    found = Found(["campaign", "value", "lower", "upper"], [("Easter", 10.0, -5.0, 25.0), ("Picnic", -9, -12, -9.1)])
    assert {"Easter", "Picnic", "0"} <= texts(draw.intervals("margin")("Campaigns", found))


def test_a_grid_keeps_the_order_of_its_rows_and_leaves_missing_cells_empty():
    found = Found(["cohort", "month", "rate"], [("Jun 2025", 1, 0.5), ("Jun 2025", 2, 0.25), ("Apr 2026", 1, 0.75)])
    said = texts(draw.grid("rate")("Cohorts", found))
    assert {"Jun 2025", "Apr 2026", "50%", "25%", "75%"} <= said
    assert "nan%" not in said


def test_a_table_names_its_columns_in_words_and_writes_names_as_text():
    found = Found(["first_reason", "open_rate", "cost"], [("<script>", 0.125, None), ("none", None, Decimal("3.5"))])
    page = draw.table("Campaigns", found)
    assert "<th>first reason</th>" in page
    assert "&lt;script&gt;" in page
    assert '<td class="number">12.5%</td>' in page
    assert '<td class="number">3.5</td>' in page


def test_a_sparkline_leaves_a_gap_where_a_month_has_no_value():
    assert sparkline([1.0, 2.0, None, 3.0, 4.0]).count("M") == 2
    assert "<circle" in sparkline([1.0, 2.0])
    assert "<circle" not in sparkline([1.0, None])
    assert sparkline([None, None]) == ""


def test_the_scorecard_has_the_last_complete_month_and_of_how_many_a_share_is(marts):
    card = scorecard(marts)
    assert "Jun 2026" in card
    assert "25.0%<br><small>of 4</small>" in card
    assert "90.0%" not in card
    assert "<small></small>" not in card
    assert "Net &lt;of&gt; returns." in card


def test_a_change_is_good_or_bad_by_the_direction_of_its_figure(marts):
    card = scorecard(marts)
    assert '<td class="number not">+50.0%</td>' in card  # churn went up
    assert '<td class="number not">-25.0%</td>' in card  # revenue went down
    marts.execute("update marts.kpi_scorecard set trend = -trend")
    card = scorecard(marts)
    assert '<td class="number ok">-50.0%</td>' in card
    assert '<td class="number ok">+25.0%</td>' in card


def test_without_a_complete_month_the_scorecard_says_so(marts):
    marts.execute("set variable last_month = null::date")
    assert "No month is complete yet" in scorecard(marts)


def test_where_all_is_well_nothing_needs_attention(marts):
    assert attention(marts, rows_quarantined=0) == "<p>Nothing.</p>"


ALARMS = [
    (
        "update marts.kpi_scorecard set status = 'off_target' where kpi = 'churn_rate'",
        "Churn rate is 25.0% of 4 in Jun 2026, off its target of 10.0%.",
    ),
    (
        "insert into marts.customer_360 values ('high', 1000), ('high', 500.4), ('low', 7)",
        "2 customers are at high risk of leaving; their expected value is 1,500.",
    ),
    (
        "insert into marts.campaign_performance values ('<May>', 'broken', 1e-9, '2026-03-01', null, null, null)",
        "The draw of &lt;May&gt; is broken (sample-ratio p 1e-09)",
    ),
    (
        "insert into marts.campaign_performance values ('June', 'conclusive', 0.5, '2026-03-01', -900, -1500, -300)",
        "The campaign June lost margin beside its control group: -900, 95 % interval -1,500 to -300.",
    ),
    (
        "insert into marts.mentions_to_answer values (3), (12)",
        "2 mentions wait for an answer, the oldest for 12 days.",
    ),
    (
        "insert into marts.model_status values ('2026-06-30', 'zh', 'drifted', 'Has 44.')",
        "The model zh gives no scores: Has 44.",
    ),
    (
        "insert into marts.model_status values ('2026-06-30', 'churn', 'failed', 'Failed. Version x goes on scoring.')",
        "Of the model churn an earlier version scores: Failed. Version x goes on scoring.",
    ),
    (
        f"insert into marts.model_status values ('2026-06-30', 'uplift', 'ok', 'The plot failed (KeyError); {WHERE}.')",
        f"Of the model uplift something is missing: The plot failed (KeyError); {WHERE}.",
    ),
]


@pytest.mark.parametrize(("planted", "said"), ALARMS)
def test_what_is_wrong_is_said_in_one_sentence(marts, planted, said):
    marts.execute(planted)
    sentences = attention(marts, rows_quarantined=0)
    assert said in sentences
    assert sentences.count("<li>") == 1


def test_rows_in_quarantine_are_mentioned(marts):
    assert "1,359 source rows were set aside" in attention(marts, rows_quarantined=1_359)


def test_a_table_that_is_missing_is_named_with_the_part_that_shows_it():
    with pytest.raises(PublishError, match=r"cannot show 'Campaigns'.*campaign_performance"):
        ask(duckdb.connect(), "Campaigns", "select * from marts.campaign_performance")


def test_the_exposure_names_exactly_the_marts_that_the_report_reads():
    queries = [part.sql for section in SECTIONS for part in section.parts]
    read = {name for sql in (*queries, SQL, OFF_TARGET, *SENTENCES) for name in re.findall(r"\bmarts\.(\w+)", sql)}
    exposures = yaml.safe_load((PROJECT / "dbt_project/models/marts/_exposures.yml").read_text())["exposures"]
    (named,) = (exposure["depends_on"] for exposure in exposures if exposure["name"] == "report")
    assert {f"ref('{name}')" for name in read} == set(named)


def test_before_the_first_release_there_is_no_report(settings):
    with pytest.raises(PublishError, match="Nothing is published for toy yet"):
        write_report(settings, "GBP")
    assert not settings.report.exists()


def test_a_report_that_cannot_be_written_leaves_the_old_one(settings, build_warehouse, release_info, known):
    build_warehouse()
    publish(settings, release_info(), known)
    settings.report.write_text("the old one")
    with pytest.raises(PublishError, match="cannot show"):
        write_report(settings, "GBP")  # the toy warehouse has only a few marts
    assert settings.report.read_text() == "the old one"
    assert [path.name for path in settings.report.parent.glob(".report*")] == []


def test_a_part_that_cannot_be_drawn_says_so(marts):
    def broken(title, found):
        raise ZeroDivisionError

    part = page._part(marts, Part("Gains", "How many are found.", "select 1", broken))
    assert "This could not be drawn; the traceback is in the log of the run." in part
    assert "<h3>Gains</h3>" in part
