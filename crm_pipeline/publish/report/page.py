"""The whole report, put together from the serving file."""

from html import escape
from pathlib import Path

import duckdb

from crm_pipeline.config.settings import Settings
from crm_pipeline.faults import guard
from crm_pipeline.publish.errors import PublishError
from crm_pipeline.publish.release import current_release
from crm_pipeline.publish.report.attention import TITLE as ATTENTION
from crm_pipeline.publish.report.attention import attention
from crm_pipeline.publish.report.customers import CUSTOMERS
from crm_pipeline.publish.report.found import Part, Section, ask
from crm_pipeline.publish.report.marketing import MARKETING
from crm_pipeline.publish.report.scorecard import TITLE as SCORECARD
from crm_pipeline.publish.report.scorecard import scorecard
from crm_pipeline.publish.report.service import SERVICE
from crm_pipeline.publish.report.trade import TRADE
from crm_pipeline.publish.report.trust import TRUST
from crm_pipeline.publish.serving import ReleaseInfo
from crm_pipeline.show import pages
from crm_pipeline.storage.lake import atomic_file
from crm_pipeline.storage.warehouse import limits

SECTIONS: tuple[Section, ...] = (TRADE, CUSTOMERS, MARKETING, SERVICE, TRUST)
_STYLE = """
body { max-width: 78em; } h2 { margin-top: 2em; border-bottom: 1px solid #cccccc; } h3 { margin-bottom: 0; }
nav a { margin-right: 1.2em; color: #1b6ca8; } .note, small { color: #666666; } .note { margin-top: 0; }
.parts { display: grid; grid-template-columns: repeat(auto-fit, minmax(34em, 1fr)); gap: 0 2.5em; }
.part { overflow-x: auto; } .wide { grid-column: 1 / -1; } .none { color: #777777; font-style: italic; }
.tiles { display: flex; flex-wrap: wrap; gap: 1em 3em; } .tiles b { display: block; font-size: 1.7em; }
.scorecard td, .scorecard th { border-top: 1px solid #eeeeee; } .group th { padding-top: 1em; }
td.number, .scorecard td:not(:first-child) { white-space: nowrap; }
.spark path { fill: none; stroke: #1b6ca8; stroke-width: 1.3; } .spark circle { fill: #1b6ca8; }
@media print { nav { display: none; } .part { break-inside: avoid; } }
"""


def write_report(settings: Settings, currency: str) -> Path:
    """Write the report on the current release, unless it is the one that lies there, and return its path.

    Args:
        settings: where things lie, and the bounds for memory and threads.
        currency: currency of all amounts.

    Raises:
        PublishError: if nothing is published, or the serving file lacks what the report shows; the old one stays.
    """
    current = current_release(settings)
    if current is None:
        raise PublishError(f"Nothing is published for {settings.dataset} yet. Remedy: crm run.")
    with duckdb.connect(str(settings.serving_file), read_only=True, config=limits(settings)) as con:
        text = render(con, current.info, settings.dataset, currency)
    if not settings.report.exists() or settings.report.read_text(encoding="utf-8") != text:
        with atomic_file(settings.report) as building:
            building.write_text(text, encoding="utf-8")
    return settings.report


def render(con: duckdb.DuckDBPyConnection, release: ReleaseInfo, dataset: str, currency: str) -> str:
    """Return the report as one HTML page.

    Args:
        con: has the tables of the serving file.
        release: what its `_release` says.
        dataset: name of the company's data.
        currency: currency of all amounts.
    """
    con.execute("set variable last_month = (select max(month) from marts.kpi_scorecard where is_complete)")
    title = f"{dataset.replace('_', ' ').capitalize()}: customers as of {release.as_of_date:%d %B %Y}"
    names = [ATTENTION, SCORECARD, *(section.title for section in SECTIONS)]
    links = "".join(f'<a href="#{_anchor(name)}">{escape(name)}</a>' for name in names)
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="note">{escape(_origin(release, currency))}</p>',
        _tiles(release, currency),
        f"<nav>{links}</nav>",
        _heading(ATTENTION) + attention(con, release.rows_quarantined),
        _heading(SCORECARD) + scorecard(con),
        *(_section(con, section) for section in SECTIONS),
    ]
    return pages.page(title, "".join(body), _STYLE)


def _origin(release: ReleaseInfo, currency: str) -> str:
    published = f"{release.published_at:%Y-%m-%d %H:%M} UTC"
    checked = f"{release.checks_passed:,} checks passed"
    return f"Amounts in {currency}. Release {release.release}, published {published}; {checked}."


def _tiles(release: ReleaseInfo, currency: str) -> str:
    figures = {
        "people": f"{release.people:,}",
        "orders so far": f"{release.orders:,}",
        f"revenue so far, {currency}": f"{release.revenue:,.0f}",
    }
    tiles = "".join(f"<div><b>{figure}</b>{escape(name)}</div>" for name, figure in figures.items())
    return f'<div class="tiles">{tiles}</div>'


def _section(con: duckdb.DuckDBPyConnection, section: Section) -> str:
    parts = "".join(_part(con, part) for part in section.parts)
    return f'{_heading(section.title)}<div class="parts">{parts}</div>'


def _part(con: duckdb.DuckDBPyConnection, part: Part) -> str:
    found = ask(con, part.title, part.sql)
    body = '<p class="none">Nothing of this is in the data.</p>'
    if found.rows:
        broken = f'<p class="none">This could not be drawn; {guard.WHERE}.</p>'
        body = guard.attempt(f"the part '{part.title}' of the report", lambda: part.draw(part.title, found), broken)
    return (
        f'<div class="part{" wide" if part.wide else ""}"><h3>{escape(part.title)}</h3>'
        f'<p class="note">{escape(part.note)}</p>{body}</div>'
    )


def _heading(title: str) -> str:
    return f'<h2 id="{_anchor(title)}">{escape(title)}</h2>'


def _anchor(title: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in title.lower())
