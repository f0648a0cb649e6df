"""The whole report, put together from the serving file."""

from pathlib import Path

import duckdb
from markupsafe import Markup

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
    bodies = {
        ATTENTION: attention(con, release.rows_quarantined),
        SCORECARD: scorecard(con),
        **{section.title: _parts(con, section) for section in SECTIONS},
    }
    return pages.filled(
        __package__,
        "report.html",
        title=title,
        origin=_origin(release, currency),
        tiles=_tiles(release, currency),
        sections=[{"title": name, "anchor": _anchor(name), "body": body} for name, body in bodies.items()],
    )


def _origin(release: ReleaseInfo, currency: str) -> str:
    published = f"{release.published_at:%Y-%m-%d %H:%M} UTC"
    checked = f"{release.checks_passed:,} checks passed"
    return f"Amounts in {currency}. Release {release.release}, published {published}; {checked}."


def _tiles(release: ReleaseInfo, currency: str) -> dict[str, str]:
    return {
        "people": f"{release.people:,}",
        "orders so far": f"{release.orders:,}",
        f"revenue so far, {currency}": f"{release.revenue:,.0f}",
    }


def _parts(con: duckdb.DuckDBPyConnection, section: Section) -> Markup:
    return pages.filled(__package__, "parts.html", parts=[_part(con, part) for part in section.parts])


def _part(con: duckdb.DuckDBPyConnection, part: Part) -> Markup:
    found = ask(con, part.title, part.sql)
    body = _none("Nothing of this is in the data.")
    if found.rows:
        broken = _none(f"This could not be drawn; {guard.WHERE}.")
        body = guard.attempt(f"the part '{part.title}' of the report", lambda: part.draw(part.title, found), broken)
    return pages.filled(__package__, "part.html", part=part, body=body)


def _none(sentence: str) -> Markup:
    return pages.filled(__package__, "none.html", sentence=sentence)


def _anchor(title: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in title.lower())
