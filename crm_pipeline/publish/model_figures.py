"""How the models of published datasets did beside their baselines, as one table for terminals and documents."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from crm_pipeline.config.settings import Settings
from crm_pipeline.publish.errors import PublishError
from crm_pipeline.storage.lake import atomic_file

HEADER = ("dataset", "model", "champion", "measured by", "its value", "baseline", "its value", "origins won", "status")
BEGIN, END = "<!-- models: written by `make models` -->", "<!-- models: end -->"

FIGURES = """
    with status as (
        select * from marts.model_status qualify as_of_date = max(as_of_date) over ()
    ),
    figures as (
        select status.model, status.champion, status.metric, status.baseline, status.status, backtests.origin,
            max(backtests.value) filter (where backtests.candidate = status.champion) as champion_value,
            max(backtests.value) filter (where backtests.candidate = status.baseline) as baseline_value,
            case when status.higher_is_better then 1 else -1 end as sign
        from status left join marts.model_backtests as backtests
            on status.model = backtests.model and status.as_of_date = backtests.as_of_date
            and status.metric = backtests.metric
        group by all
    )
    select model, champion, replace(metric, '_', ' ') as metric, avg(champion_value) as "its value",
        baseline, avg(baseline_value) as "baseline's value",
        count(*) filter (where sign * champion_value > sign * baseline_value) as "origins won",
        count(origin) as origins, replace(status, '_', ' ') as status
    from figures
    group by all
    order by model
"""
"""Query of the serving file: one row per model, means over the origins of the newest run."""


def figures(settings: Settings) -> list[tuple[str, ...]]:
    """Return one line per model of a published dataset, in the columns of `HEADER`.

    Raises:
        PublishError: if nothing is published.
    """
    if not settings.serving_file.exists():
        raise PublishError(f"Nothing is published for {settings.dataset} yet. Remedy: crm run -d {settings.dataset}")
    with duckdb.connect(str(settings.serving_file), read_only=True) as con:
        found = con.sql(FIGURES).fetchall()
    return [
        (
            settings.dataset,
            model,
            champion or "",
            metric or "",
            _number(own),
            baseline or "",
            _number(naive),
            _of(won, origins),
            state,
        )
        for model, champion, metric, own, baseline, naive, won, origins, state in found
    ]


def markdown(lines: Sequence[tuple[str, ...]]) -> str:
    """Return the lines as a Markdown table."""
    rows = [HEADER, ("---",) * len(HEADER), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def write_into(document: Path, lines: Sequence[tuple[str, ...]]) -> bool:
    """Replace the table between the two markers of a document; tell whether that changed it.

    Raises:
        PublishError: if the document lacks the markers.
    """
    text = document.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise PublishError(f"{document.name} has no place for the table. Remedy: write {BEGIN} and {END} into it.")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    changed = f"{before}{BEGIN}\n{markdown(lines)}\n{END}{after}"
    if changed == text:
        return False
    with atomic_file(document) as building:
        building.write_text(changed, encoding="utf-8")
    return True


def _of(won: int, origins: int) -> str:
    return f"{won} of {origins}" if origins else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"
