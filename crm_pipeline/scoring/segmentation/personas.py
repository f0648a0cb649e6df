"""One run of the segmentation: everybody's persona and niche, and the tables that say what the personas are.

The stored personas go on being used month after month; each run fits anew only to see whether that would now be
clearly better. So the persona of people who do not change does not change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.faults import guard
from crm_pipeline.scoring.model import NotEnoughDataError, ScoringSettings, content_version
from crm_pipeline.scoring.outcome import Artefact, Backtest, ModelStatus, Status
from crm_pipeline.scoring.segmentation import (
    niches,
    persona_features,
    persona_model,
    persona_names,
    persona_quality,
    rfm,
)
from crm_pipeline.scoring.segmentation import persona_tables as tables
from crm_pipeline.scoring.segmentation.persona_backtest import BASELINE, CHAMPION, METRIC, backtests
from crm_pipeline.scoring.segmentation.persona_cuts import cuts
from crm_pipeline.scoring.segmentation.persona_features import Columns, People
from crm_pipeline.scoring.segmentation.persona_model import Choice, Segmentation
from crm_pipeline.scoring.segmentation.persona_plots import plots

MODEL = "segmentation"
FEWEST_PEOPLE = 250
FIT_PEOPLE = 100_000


@dataclass(frozen=True)
class FittedPersonas:
    """All that assigning people needs: personas, from which distance on somebody is an outlier, and niches."""

    trained_on: date
    segmentation: Segmentation
    fences: Mapping[int, float]
    niches: niches.Niches
    niche_names: tuple[str, ...]


@dataclass(frozen=True)
class Previous:
    """What an earlier run left: its fitted model with its version, and the score tables of the month before."""

    fitted: FittedPersonas | None = None
    version: str | None = None
    personas: pa.Table = field(default_factory=tables.PERSONAS.empty)
    rfm: pa.Table = field(default_factory=rfm.TABLE.empty)


@dataclass(frozen=True)
class PersonaResult:
    """All that one run gives; `artefact` is None where the stored personas went on being used.

    `complaints` are sentences about personas that are too small, too large, unstable or not different.
    """

    tables: Mapping[str, pa.Table]
    status: ModelStatus
    backtests: tuple[Backtest, ...] = ()
    artefact: Artefact | None = None
    complaints: tuple[str, ...] = ()
    plots: Mapping[str, str] = field(default_factory=dict)


def run(
    connection: duckdb.DuckDBPyConnection, settings: ScoringSettings, previous: Previous | None = None
) -> PersonaResult:
    """Find the persona of everybody with a counted order up to the as-of date."""
    previous = previous or Previous()
    try:
        people, fresh, choices = _refit(connection, settings)
    except NotEnoughDataError as error:
        status = ModelStatus(MODEL, Status.INSUFFICIENT_DATA, str(error))
        return PersonaResult(tables.empty(), status)
    kept = _kept(connection, fresh, people, previous, settings)
    fitted, version = kept or _renewed(fresh, people, previous, settings)
    if kept:
        people = _sample(connection, fitted.segmentation.space.columns, settings)
    result, quality = _told(connection, fitted, version, people, choices, previous, settings)
    if kept:
        return result
    card = _card(people, choices, quality, settings)
    return replace(result, artefact=Artefact(MODEL, version, fitted, card))


def go_on(
    connection: duckdb.DuckDBPyConnection, settings: ScoringSettings, previous: Previous, reason: str
) -> PersonaResult:
    """Find the persona of everybody among the stored ones, if there are any, because new ones could not be made.

    Args:
        connection: the warehouse.
        settings: of the run.
        previous: what an earlier run left.
        reason: why, in a sentence.
    """
    fitted, version = previous.fitted, previous.version
    if fitted is not None and version is not None:

        def again() -> PersonaResult:
            people = _sample(connection, fitted.segmentation.space.columns, settings)
            return _told(connection, fitted, version, people, (), previous, settings)[0]

        result = guard.attempt(f"the stored personas of {fitted.trained_on}", again, None)
        if result is not None:
            reason += f" Version {version} of {fitted.trained_on} goes on."
            return replace(result, status=replace(result.status, status=Status.FAILED, reason=reason))
    status = ModelStatus(MODEL, Status.FAILED, f"{reason} Nobody is in a persona.")
    return PersonaResult(tables.empty(), status)


def _told(
    connection: duckdb.DuckDBPyConnection,
    fitted: FittedPersonas,
    version: str,
    people: People,
    choices: tuple[Choice, ...],
    previous: Previous,
    settings: ScoringSettings,
) -> tuple[PersonaResult, persona_quality.Quality]:
    """Return everybody's persona and what is to be told of the personas, by way of a sample of people."""
    segmentation = fitted.segmentation
    personas = _assign(connection, fitted, version, settings)
    points = segmentation.space.place(people)
    places = np.searchsorted(segmentation.ids, segmentation.assign(people)[0])
    quality = persona_quality.measure(points, places, segmentation.centroids, settings.seed)
    scored = rfm.score(connection, settings.as_of)
    made = {
        "personas": personas,
        "persona_profiles": tables.profiles(connection, segmentation, personas, people, quality, previous.personas),
        "persona_traits": tables.traits(segmentation, people, settings.as_of),
        "persona_tree": tables.tree(segmentation, settings.as_of),
        "persona_choices": tables.choices(choices, settings.as_of),
        "persona_cuts": cuts(connection, personas, settings.as_of),
        "group_migration": pa.concat_tables(
            [
                persona_quality.migration("persona", "persona", previous.personas, personas),
                persona_quality.migration("segment", "rfm_segment", previous.rfm, scored),
            ]
        ),
    }
    nothing: tuple[Backtest, ...] = ()
    tested = guard.attempt(
        f"the backtest of {MODEL}",
        lambda: backtests(connection, len(segmentation.ids), FEWEST_PEOPLE, settings),
        nothing,
    )
    result = PersonaResult(
        made,
        ModelStatus(
            MODEL, Status.OK, _reservation(tested), version, CHAMPION, fitted.trained_on, BASELINE, METRIC, True
        ),
        tested,
        complaints=tuple(persona_quality.complaints(made["persona_profiles"])),
        plots=plots(made, points, places),
    )
    return result, quality


def _refit(
    connection: duckdb.DuckDBPyConnection, settings: ScoringSettings
) -> tuple[People, Segmentation, tuple[Choice, ...]]:
    """Return a sample of people, new personas of it, and what spoke for their number.

    Raises:
        NotEnoughDataError: if there are too few people, or nothing in which they differ.
    """
    found = persona_features.eligible(connection, settings.as_of)
    if found < FEWEST_PEOPLE:
        raise NotEnoughDataError(f"Needs {FEWEST_PEOPLE} people with an order; has {found}.")
    columns = persona_features.available(connection, settings.as_of)
    if not any(feature.shapes for feature in columns.features):
        raise NotEnoughDataError("Needs a feature in which people differ; has none.")
    people = _sample(connection, columns, settings)
    space = persona_features.fit_space(people, columns, settings.seed)
    points = space.place(people)
    kinds = persona_model.distinct(points)
    if kinds < persona_model.FEWEST:
        raise NotEnoughDataError(f"Needs {persona_model.FEWEST} kinds of buyers; all are one of {kinds}.")
    choices = persona_model.choose(points, settings.seed)
    return people, persona_model.fit(people, space, persona_model.best(choices), settings.seed), choices


def _sample(connection: duckdb.DuckDBPyConnection, columns: Columns, settings: ScoringSettings) -> People:
    return persona_features.sample(connection, settings.as_of, columns, min(FIT_PEOPLE, settings.training_rows))


def _kept(
    connection: duckdb.DuckDBPyConnection,
    fresh: Segmentation,
    people: People,
    previous: Previous,
    settings: ScoringSettings,
) -> tuple[FittedPersonas, str] | None:
    """Return the stored personas and their version if they can still be used and the refit is not clearly better."""
    if previous.fitted is None or previous.version is None:
        return None
    earlier = previous.fitted.segmentation
    if not set(earlier.space.columns.features) <= set(fresh.space.columns.features):
        return None
    seen_earlier = _sample(connection, earlier.space.columns, settings)
    if persona_model.is_better(fresh, earlier, people, seen_earlier):
        return None
    return previous.fitted, previous.version


def _renewed(
    fresh: Segmentation, people: People, previous: Previous, settings: ScoringSettings
) -> tuple[FittedPersonas, str]:
    """Return the refit with durable ids and names, fences and niches, and the version that follows from its inputs."""
    if previous.fitted is not None:
        fresh = persona_model.with_ids_of(fresh, previous.fitted.segmentation)
    asked = settings.described() | {"ids": fresh.ids, "model": MODEL}
    version = content_version(asked, [people.keys, people.features, people.lines])
    return _completed(_named(fresh, people), people, settings.as_of), version


def _named(segmentation: Segmentation, people: People) -> Segmentation:
    """Return the personas with a name for each id that has none; an id keeps its name for good."""
    names = dict(segmentation.names)
    traits = persona_features.traits(segmentation.space.columns)
    labels, _ = segmentation.assign(people)
    profile = persona_model.profile(people, segmentation.space, labels, segmentation.ids)
    for persona, differences in zip(segmentation.ids, profile, strict=True):
        if persona not in names:
            names[persona] = persona_names.name(differences, traits, names.values())
    return replace(segmentation, names=names)


def _completed(segmentation: Segmentation, people: People, as_of: date) -> FittedPersonas:
    """Add fences and niches. A fence is Tukey's outer one: three quartile ranges above the third quartile."""
    personas, distances = segmentation.assign(people)
    fences = {}
    for persona in segmentation.ids:
        own = distances[personas == persona]
        first, third = np.quantile(own, [0.25, 0.75]) if len(own) else (0.0, 0.0)
        fences[persona] = float(third + 3 * (third - first))
    points = segmentation.space.place(people)
    found = niches.fit(points)
    numbers = found.assign(points)
    names: list[str] = []
    traits = persona_features.traits(segmentation.space.columns)
    for number in range(1, len(found.medoids) + 1):
        members = persona_model.differences(people, segmentation.space, numbers == number)
        names.append(persona_names.name(members, traits, names))
    return FittedPersonas(as_of, segmentation, fences, found, tuple(names))


def _assign(
    connection: duckdb.DuckDBPyConnection, fitted: FittedPersonas, version: str, settings: ScoringSettings
) -> pa.Table:
    """Return the table `personas`, made batch by batch."""
    columns = fitted.segmentation.space.columns
    batches = persona_features.batches(connection, settings.as_of, columns)
    return pa.concat_tables(_placed(fitted, batch, version, settings.as_of) for batch in batches)


def _placed(fitted: FittedPersonas, people: People, version: str, as_of: date) -> pa.Table:
    """Return one row per person: persona, persona, distance to its centroid, whether far out, niche."""
    personas, distances = fitted.segmentation.assign(people)
    numbers = fitted.niches.assign(fitted.segmentation.space.place(people))
    columns = {
        "customer_key": people.keys,
        "as_of_date": pa.repeat(pa.scalar(as_of), len(people)),
        "persona_number": personas,
        "persona": [fitted.segmentation.names[persona] for persona in personas.tolist()],
        "distance": distances,
        "is_outlier": distances > np.array([fitted.fences[persona] for persona in personas.tolist()]),
        "niche": [fitted.niche_names[number - 1] if number else None for number in numbers.tolist()],
        "model_version": pa.repeat(version, len(people)),
    }
    return pa.table(columns, schema=tables.PERSONAS.schema)


def _reservation(tested: tuple[Backtest, ...]) -> str | None:
    """Return what to bear in mind where the personas add nothing to RFM: they describe people, they do not predict."""
    by_origin = {(row.origin, row.candidate): row.value for row in tested}
    if all(by_origin[origin, CHAMPION] > by_origin[origin, BASELINE] for origin, _ in by_origin):
        return None
    return "Together with RFM the personas do not say more of later margin than RFM alone; use them to describe people."


def _card(
    people: People, choices: tuple[Choice, ...], quality: persona_quality.Quality, settings: ScoringSettings
) -> Mapping[str, Any]:
    return {
        **settings.described(),
        "status": Status.OK.value,
        "reason": None,
        "rows": len(people),
        "choices": [vars(choice) for choice in choices],
        "stability": quality.stability,
        "explained": quality.explained,
    }
