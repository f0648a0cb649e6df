"""`crm identity`: why records are one person, and decisions by hand on it. Decisions take effect with the next run."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crm_pipeline.cli.terminal import DatasetOption, chosen_settings, or_explain, shown
from crm_pipeline.config.settings import Settings
from crm_pipeline.stages import Stage

if TYPE_CHECKING:
    import pyarrow as pa

    from crm_pipeline.identity.closeup import Closeup
    from crm_pipeline.identity.overrides import Overrides

identity = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Shows why records are one person, and takes decisions by hand on it; refused beside a run.",
    epilog="Examples:  crm identity review  |  crm identity explain 'till|customer|M100373'  |  "
    "crm identity link 'till|customer|M100373' 'shop|customer|500048'",
)

NoteOption = Annotated[str, typer.Option("--note", help="Why; it stands beside the decision.")]
Records = Annotated[list[str], typer.Argument(help="Records as in identity.person_map: system|customer|id, in quotes.")]


@identity.command(
    epilog="Examples:  crm identity explain 'till|customer|M100373'  |  "
    "crm identity explain C05e01da340dcba1 --values --html person.html"
)
def explain(
    name: Annotated[str, typer.Argument(metavar="CUSTOMER_ID|RECORD_ID", help="A person, or a record in quotes.")],
    html: Annotated[Path | None, typer.Option("--html", help="Write a page with a waterfall per probability.")] = None,
    values: Annotated[bool, typer.Option("--values", help="Show what the records hold: personal data.")] = False,
    dataset: DatasetOption = None,
) -> None:
    """Show why records are one person: for each the chain of links from the founding record.

    Of a link by probability it shows the weight of each thing that was compared, in bits: 1 doubles the odds.
    """
    from crm_pipeline.config.dataset import load_dataset
    from crm_pipeline.identity import lookup
    from crm_pipeline.identity.explain import explain as explain_person
    from crm_pipeline.identity.explain_report import render
    from crm_pipeline.identity.waterfall import page

    settings = chosen_settings(dataset)
    with _between_runs(settings):
        tables = or_explain(_tables, settings, "person_map", "conflicts", "review")
        customer_id, record = or_explain(lookup.find_person, tables["person_map"], name)
        tables["edges"] = _edges(settings, tables["person_map"], customer_id)
        seen = or_explain(_look, settings, tables, customer_id, record)
    explanation = explain_person(tables, customer_id, record, seen.identifiers)
    typer.echo(render(explanation, seen, values))
    if html:
        accept = or_explain(load_dataset, settings.dataset_folder).identity.accept
        or_explain(_write, html, page(explanation, seen, accept, values))
        typer.echo(f"\nwrote {shown(html)}")


@identity.command(
    epilog="Example:  crm identity link 'till|customer|M100373' 'shop|customer|500048' --note 'asked her'"
)
def link(records: Records, note: NoteOption = "", dataset: DatasetOption = None) -> None:
    """Say that records are one person, whatever their links say."""
    from crm_pipeline.identity import overrides

    settings = chosen_settings(dataset)
    with _between_runs(settings):
        known = _overrides_for(settings, records)
        _decide(settings, or_explain(overrides.with_link, known, records, note), "are one person", dataset)


@identity.command(epilog="Example:  crm identity unlink 'till|customer|M100373' 'shop|customer|500048'")
def unlink(records: Records, note: NoteOption = "", dataset: DatasetOption = None) -> None:
    """Say that records are different people, whatever their links say."""
    from crm_pipeline.identity import overrides

    settings = chosen_settings(dataset)
    groups = [[record] for record in records]
    with _between_runs(settings):
        known = _overrides_for(settings, records)
        _decide(settings, or_explain(overrides.with_unlink, known, groups, note), "are different people", dataset)


@identity.command(epilog="Example:  crm identity unmerge C05e01da340dcba1")
def unmerge(
    customer_id: Annotated[str, typer.Argument(help="The person into which others were merged.")],
    note: NoteOption = "",
    dataset: DatasetOption = None,
) -> None:
    """Undo the last merge into a person: the people of before have their records again."""
    from crm_pipeline.identity.overrides import read_overrides
    from crm_pipeline.identity.unmerge import last_merge, take_back

    settings = chosen_settings(dataset)
    with _between_runs(settings):
        tables = or_explain(_tables, settings, "person_map", "merge_ledger")
        merge = or_explain(last_merge, tables["merge_ledger"], tables["person_map"], customer_id)
        known = or_explain(read_overrides, settings.dataset_folder)
        reason = note or f"undoes the merge of {merge.as_of} into {customer_id}"
        edges = _edges(settings, tables["person_map"], customer_id)
        changed = or_explain(take_back, known, merge, edges, reason)
        for earlier, records in merge.earlier.items():
            typer.echo(f"{earlier} gets back {len(records)} record{'' if len(records) == 1 else 's'}")
        if merge.new:
            typer.echo(f"new records that came with the merge, kept apart from both: {len(merge.new)}")
        _decide(settings, changed, "are apart again", dataset)


@identity.command(epilog="Examples:  crm identity review  |  crm identity review --limit 50")
def review(
    limit: Annotated[int, typer.Option(min=1, help="How many pairs to show.")] = 20, dataset: DatasetOption = None
) -> None:
    """List the pairs of people who may be one, by the revenue of the one of them who bought less."""
    from crm_pipeline.config.dataset import load_dataset
    from crm_pipeline.identity.explain_report import percent
    from crm_pipeline.identity.review import by_value

    settings = chosen_settings(dataset)
    with _between_runs(settings):
        pairs = or_explain(_tables, settings, "review")["review"]
        stakes = by_value(pairs, or_explain(_revenue, settings, pairs))
    if not stakes:
        typer.echo("No pair waits for review.")
        return
    currency = or_explain(load_dataset, settings.dataset_folder).business.currency
    typer.echo(f"{min(limit, len(stakes))} of {len(stakes)} pairs; {currency} is the smaller of the two revenues\n")
    typer.echo(f"{currency:>12}  probability   records")
    for stake in stakes[:limit]:
        typer.echo(
            f"{stake.value:>12,.2f}  {percent(stake.probability):>12}  {_quoted(stake.record_a, stake.record_b)}"
        )
        typer.echo(f"{'':>28}{stake.customer_id_a} and {stake.customer_id_b}. {stake.reason}")
    first = _quoted(stakes[0].record_a, stakes[0].record_b)
    typer.echo(f"\nIf those of the first pair are one person:\n  crm identity link {first}{_dataset(dataset)}")


@identity.command(epilog="Example:  crm identity train")
def train(dataset: DatasetOption = None) -> None:
    """Take the kept model of probability away, so that the next run trains a new one.

    A new model weighs names, dates and addresses anew: people whose links change may merge or part, and their ids with
    them. Each merge and each split is in the merge ledger. People that are linked by rules alone stay as they are.
    """
    from crm_pipeline.identity import store

    settings = chosen_settings(dataset)
    with _between_runs(settings):
        was_there = store.forget_model(settings)
    if not was_there:
        typer.echo("There is no model; the next run trains one where there are enough records with names.")
        return
    typer.echo(
        "The model is gone: the next run trains a new one on the records of that day and scores all pairs anew.\n"
        "Ids of people whose links by probability change may change; identity.merge_ledger will list each move."
    )
    typer.echo(_obeyed(dataset))


def _tables(settings: Settings, *names: str) -> "dict[str, pa.Table]":
    from crm_pipeline.identity import store

    tables = {name: store.read(settings, name) for name in names}
    if any(table is None for table in tables.values()):
        raise FileNotFoundError(f"There is no person map of {settings.dataset} yet. Remedy: crm run.")
    return tables


def _edges(settings: Settings, person_map: "pa.Table", customer_id: str) -> "pa.Table":
    """Return the links between the records of a person."""
    import pyarrow.compute as pc

    from crm_pipeline.identity import store

    records = person_map.filter(pc.equal(person_map["customer_id"], customer_id))["record_id"]
    return store.read(settings, "edges", pc.field("record_a").isin(records.combine_chunks()))


def _overrides_for(settings: Settings, records: list[str]) -> "Overrides":
    """Return the decisions so far, if the records are those of the person map."""
    from crm_pipeline.identity.lookup import check_records
    from crm_pipeline.identity.overrides import read_overrides

    tables = or_explain(_tables, settings, "person_map")
    or_explain(check_records, tables["person_map"], records)
    return or_explain(read_overrides, settings.dataset_folder)


def _decide(settings: Settings, overrides: "Overrides", what: str, dataset: str | None) -> None:
    from crm_pipeline.identity.overrides import write_overrides

    path = or_explain(write_overrides, settings.dataset_folder, overrides)
    typer.echo(f"wrote {shown(path)}: they {what}.")
    typer.echo(_obeyed(dataset))


def _obeyed(dataset: str | None) -> str:
    return f"The next run obeys: crm run --from {Stage.IDENTITY}{_dataset(dataset)}"


def _look(settings: Settings, tables: "dict[str, pa.Table]", customer_id: str, record: str | None) -> "Closeup":
    """Look closely at the records of a person in the warehouse."""
    from crm_pipeline.config.dataset import load_dataset
    from crm_pipeline.identity import store
    from crm_pipeline.identity.closeup import look_closely
    from crm_pipeline.identity.explain import explain as explain_person
    from crm_pipeline.identity.explain_report import probable_edges
    from crm_pipeline.storage.warehouse import workshop

    described = load_dataset(settings.dataset_folder)
    explanation = explain_person(tables, customer_id, record, ())
    records = [step.record for step in explanation.steps]
    pairs = [(edge.record_a, edge.record_b) for edge in probable_edges(explanation)]
    with workshop(settings, Stage.STAGING) as connection:
        region, model = described.business.default_region, store.read_model(settings)
        return look_closely(connection, described.identity, region, model, records, pairs)


def _write(path: Path, text: str) -> None:
    from crm_pipeline.storage.lake import atomic_file

    with atomic_file(path) as building:
        building.write_text(text, encoding="utf-8")


def _revenue(settings: Settings, pairs: "pa.Table") -> dict[str, float]:
    """Return what the people of some pairs have bought for, as far as the warehouse knows."""
    from crm_pipeline.storage.warehouse import connect

    people = sorted({*pairs["customer_id_a"].to_pylist(), *pairs["customer_id_b"].to_pylist()})
    with connect(settings) as connection:
        built = "select 1 from information_schema.tables where table_schema = $stage and table_name = 'fct_orders'"
        if not connection.execute(built, {"stage": Stage.CUSTOMER.value}).fetchall():
            return {}
        rows = connection.execute(
            f"""
            select people.customer_id, sum(orders.revenue)::double
            from {Stage.CUSTOMER}.fct_orders as orders
            join {Stage.CUSTOMER}.dim_customers as people using (customer_key)
            where orders.is_counted and list_contains($people::varchar[], people.customer_id)
            group by people.customer_id
            """,
            {"people": people},
        ).fetchall()
    return dict(rows)


@contextmanager
def _between_runs(settings: Settings) -> Iterator[None]:
    """Keep runs from starting meanwhile, and refuse beside one.

    A run replaces the people that are shown or decided on, a decision in its midst would be obeyed or not by chance,
    and a reader of the warehouse would block it.
    """
    from crm_pipeline.storage.lock import RunLock, RunLockedError

    lock = RunLock(settings.state / "run.lock")
    try:
        lock.acquire("identity")
    except RunLockedError as error:
        typer.echo(f"{error} Then say this again: who is who may be another by then.", err=True)
        raise typer.Exit(3) from error
    try:
        yield
    finally:
        lock.release()


def _quoted(*records: str) -> str:
    return " ".join(shlex.quote(record) for record in records)


def _dataset(dataset: str | None) -> str:
    return f" --dataset {shlex.quote(dataset)}" if dataset else ""
