"""The report on a real release: whole, alone, without personal data, and equal to what the serving file says."""

import base64
import re
from html.parser import HTMLParser

import duckdb
import pytest

from crm_pipeline.publish.release import current_release
from crm_pipeline.publish.report.page import SECTIONS, write_report

VOID = {"meta", "img", "br", "path", "circle"}


class Reader(HTMLParser):
    """Follows the tags of a page, and what it loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open_tags: list[str] = []
        self.crossed: list[str] = []
        self.loads: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.loads += [value for name, value in attrs if name in {"src", "href"}]
        if tag not in VOID:
            self.open_tags.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID and self.open_tags.pop() != tag:
            self.crossed.append(tag)


@pytest.fixture(scope="module")
def page(published) -> str:
    """The page that the run has written."""
    return published.settings.report.read_text(encoding="utf-8")


def test_the_page_needs_nothing_else_and_every_tag_is_closed(page):
    reader = Reader(page)
    assert (reader.open_tags, reader.crossed) == ([], [])
    assert [loaded[:60] for loaded in reader.loads if not loaded.startswith(("data:image/svg+xml;", "#"))] == []
    assert len([loaded for loaded in reader.loads if loaded.startswith("data:")]) >= 10


def test_every_part_and_every_kpi_is_there(page, published):
    with duckdb.connect(str(published.settings.serving_file), read_only=True) as con:
        kpis = con.execute("select replace(kpi, '_', ' ') from marts.kpi_definitions").fetchall()
    assert [part.title for section in SECTIONS for part in section.parts if f"<h3>{part.title}</h3>" not in page] == []
    assert [kpi for (kpi,) in kpis if f"<td>{kpi}" not in page] == []


def test_the_figures_at_the_top_are_those_of_the_release(page, published):
    release = current_release(published.settings).info
    for figure in (f"{release.people:,}", f"{release.orders:,}", f"{release.revenue:,.0f}"):
        assert f"<b>{figure}</b>" in page


def test_the_scorecard_shows_the_orders_counted_straight_from_the_facts(page, published):
    with duckdb.connect(str(published.settings.serving_file), read_only=True) as con:
        ((orders,),) = con.execute("""
            select count(*) from customer.fct_orders
            where is_counted and date_trunc('month', ordered_on) =
                (select date_trunc('month', as_of_date + 1) - interval 1 month from _release)
        """).fetchall()
    row = re.search(r"<td>orders<br>.*?</tr>", page)
    assert row
    assert f'<td class="number">{orders:,}</td>' in row[0]


def test_no_personal_value_is_on_the_page(page, published):
    lake = published.settings.lake / "raw" / "current"
    values = duckdb.execute(f"""
        select distinct unnest([email, phone, loyalty_id, street, first_name || ' ' || last_name]) as value
        from read_parquet('{lake}/customers/*.parquet')
    """).fetchall()
    pictures = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page)
    said = "\n".join([page, *(base64.b64decode(picture).decode() for picture in pictures)])
    assert "revenue" in base64.b64decode(pictures[0]).decode()
    assert [value for (value,) in values if value and len(value) >= 5 and value in said] == []


def test_the_report_is_written_anew_only_when_it_says_something_else(spare):
    report = spare.settings.report
    before = report.stat().st_ino
    write_report(spare.settings, "GBP")
    assert report.stat().st_ino == before
    write_report(spare.settings, "EUR")
    assert report.stat().st_ino != before
    assert "Amounts in EUR" in report.read_text(encoding="utf-8")
