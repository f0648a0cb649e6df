"""One run of the segmentation: everybody's segment and niche, and the tables that say what the segments are.

The stored segments go on being used month after month; each run fits anew only to see whether that would now be
clearly better. So the segment of people who do not change does not change.
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
from crm_pipeline.scoring.segments import niches, personas, rfm, segment_features, segment_model, segment_quality
from crm_pipeline.scoring.segments import segment_tables as tables
from crm_pipeline.scoring.segments.plots_segments import plots
from crm_pipeline.scoring.segments.segment_backtest import BASELINE, CHAMPION, METRIC, backtests
from crm_pipeline.scoring.segments.segment_cuts import cuts
from crm_pipeline.scoring.segments.segment_features import Columns, People
from crm_pipeline.scoring.segments.segment_model import Choice, Segmentation

MODEL = "segmentation"
FEWEST_PEOPLE = 250
FIT_PEOPLE = 100_000


@dataclass(frozen=True)
class FittedSegments:
    """All that assigning people needs: segments, from which distance on somebody is an outlier, and niches."""

    trained_on: date
    segmentation: Segmentation
    fences: Mapping[int, float]
    niches: niches.Niches
    niche_names: tuple[str, ...]


@dataclass(frozen=True)
class Previous:
    """What an earlier run left: its fitted model with its version, and the score tables of the month before."""

    fitted: FittedSegments | None = None
    version: str | None = None
    segments: pa.Table = field(default_factory=tables.SEGMENTS.empty)
    rfm: pa.Table = field(default_factory=rfm.TABLE.empty)


@dataclass(frozen=True)
class SegmentationResult:
    """All that one run gives; `artefact` is None where the stored segments went on being used.

    `complaints` are sentences about segments that are too small, too large, unstable or not different.
    """

    tables: Mapping[str, pa.Table]
    status: ModelStatus
    backtests: tuple[Backtest, ...] = ()
    artefact: Artefact | None = None
    complaints: tuple[str, ...] = ()
    plots: Mapping[str, str] = field(default_factory=dict)


def run(
    connection: duckdb.DuckDBPyConnection, settings: ScoringSettings, previous: Previous | None = None
) -> SegmentationResult:
    """Segment everybody with a counted order up to the as-of date."""
    previous = previous or Previous()
    try:
        people, fresh, choices = _refit(connection, settings)
    except NotEnoughDataError as error:
        status = ModelStatus(MODEL, Status.INSUFFICIENT_DATA, str(error))
        return SegmentationResult(tables.empty(), status)
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
) -> SegmentationResult:
    """Segment everybody with the stored segments, if there are any, because new ones could not be made.

    Args:
        connection: the warehouse.
        settings: of the run.
        previous: what an earlier run left.
        reason: why, in a sentence.
    """
    fitted, version = previous.fitted, previous.version
    if fitted is not None and version is not None:

        def again() -> SegmentationResult:
            people = _sample(connection, fitted.segmentation.space.columns, settings)
            return _told(connection, fitted, version, people, (), previous, settings)[0]

        result = guard.attempt(f"the stored segments of {fitted.trained_on}", again, None)
        if result is not None:
            reason += f" Version {version} of {fitted.trained_on} goes on."
            return replace(result, status=replace(result.status, status=Status.FAILED, reason=reason))
    status = ModelStatus(MODEL, Status.FAILED, f"{reason} Nobody is in a segment.")
    return SegmentationResult(tables.empty(), status)


def _told(
    connection: duckdb.DuckDBPyConnection,
    fitted: FittedSegments,
    version: str,
    people: People,
    choices: tuple[Choice, ...],
    previous: Previous,
    settings: ScoringSettings,
) -> tuple[SegmentationResult, segment_quality.Quality]:
    """Return everybody's segment and what is to be told of the segments, by way of a sample of people."""
    segmentation = fitted.segmentation
    segments = _assign(connection, fitted, version, settings)
    points = segmentation.space.place(people)
    places = np.searchsorted(segmentation.ids, segmentation.assign(people)[0])
    quality = segment_quality.measure(points, places, segmentation.centroids, settings.seed)
    scored = rfm.score(connection, settings.as_of)
    made = {
        "personas": segments,
        "persona_profiles": tables.profiles(connection, segmentation, segments, people, quality, previous.segments),
        "persona_traits": tables.traits(segmentation, people, settings.as_of),
        "persona_tree": tables.tree(segmentation, settings.as_of),
        "persona_choices": tables.choices(choices, settings.as_of),
        "persona_cuts": cuts(connection, segments, settings.as_of),
        "group_migration": pa.concat_tables(
            [
                segment_quality.migration("persona", "persona", previous.segments, segments),
                segment_quality.migration("segment", "rfm_segment", previous.rfm, scored),
            ]
        ),
    }
    nothing: tuple[Backtest, ...] = ()
    tested = guard.attempt(
        f"the backtest of {MODEL}",
        lambda: backtests(connection, len(segmentation.ids), FEWEST_PEOPLE, settings),
        nothing,
    )
    result = SegmentationResult(
        made,
        ModelStatus(
            MODEL, Status.OK, _reservation(tested), version, CHAMPION, fitted.trained_on, BASELINE, METRIC, True
        ),
        tested,
        complaints=tuple(segment_quality.complaints(made["persona_profiles"])),
        plots=plots(made, points, places),
    )
    return result, quality


def _refit(
    connection: duckdb.DuckDBPyConnection, settings: ScoringSettings
) -> tuple[People, Segmentation, tuple[Choice, ...]]:
    """Return a sample of people, new segments of it, and what spoke for their number.

    Raises:
        NotEnoughDataError: if there are too few people, or nothing in which they differ.
    """
    found = segment_features.eligible(connection, settings.as_of)
    if found < FEWEST_PEOPLE:
        raise NotEnoughDataError(f"Needs {FEWEST_PEOPLE} people with an order; has {found}.")
    columns = segment_features.available(connection, settings.as_of)
    if not any(feature.shapes for feature in columns.features):
        raise NotEnoughDataError("Needs a feature in which people differ; has none.")
    people = _sample(connection, columns, settings)
    space = segment_features.fit_space(people, columns, settings.seed)
    points = space.place(people)
    kinds = segment_model.distinct(points)
    if kinds < segment_model.FEWEST:
        raise NotEnoughDataError(f"Needs {segment_model.FEWEST} kinds of buyers; all are one of {kinds}.")
    choices = segment_model.choose(points, settings.seed)
    return people, segment_model.fit(people, space, segment_model.best(choices), settings.seed), choices


def _sample(connection: duckdb.DuckDBPyConnection, columns: Columns, settings: ScoringSettings) -> People:
    return segment_features.sample(connection, settings.as_of, columns, min(FIT_PEOPLE, settings.training_rows))


def _kept(
    connection: duckdb.DuckDBPyConnection,
    fresh: Segmentation,
    people: People,
    previous: Previous,
    settings: ScoringSettings,
) -> tuple[FittedSegments, str] | None:
    """Return the stored segments and their version if they can still be used and the refit is not clearly better."""
    if previous.fitted is None or previous.version is None:
        return None
    earlier = previous.fitted.segmentation
    if not set(earlier.space.columns.features) <= set(fresh.space.columns.features):
        return None
    seen_earlier = _sample(connection, earlier.space.columns, settings)
    if segment_model.is_better(fresh, earlier, people, seen_earlier):
        return None
    return previous.fitted, previous.version


def _renewed(
    fresh: Segmentation, people: People, previous: Previous, settings: ScoringSettings
) -> tuple[FittedSegments, str]:
    """Return the refit with durable ids and names, fences and niches, and the version that follows from its inputs."""
    if previous.fitted is not None:
        fresh = segment_model.with_ids_of(fresh, previous.fitted.segmentation)
    asked = settings.described() | {"ids": fresh.ids, "model": MODEL}
    version = content_version(asked, [people.keys, people.features, people.lines])
    return _completed(_named(fresh, people), people, settings.as_of), version


def _named(segmentation: Segmentation, people: People) -> Segmentation:
    """Return the segments with a name for each id that has none; an id keeps its name for good."""
    names = dict(segmentation.names)
    traits = segment_features.traits(segmentation.space.columns)
    labels, _ = segmentation.assign(people)
    profile = segment_model.profile(people, segmentation.space, labels, segmentation.ids)
    for segment, differences in zip(segmentation.ids, profile, strict=True):
        if segment not in names:
            names[segment] = personas.name(differences, traits, names.values())
    return replace(segmentation, names=names)


def _completed(segmentation: Segmentation, people: People, as_of: date) -> FittedSegments:
    """Add fences and niches. A fence is Tukey's outer one: three quartile ranges above the third quartile."""
    segments, distances = segmentation.assign(people)
    fences = {}
    for segment in segmentation.ids:
        own = distances[segments == segment]
        first, third = np.quantile(own, [0.25, 0.75]) if len(own) else (0.0, 0.0)
        fences[segment] = float(third + 3 * (third - first))
    points = segmentation.space.place(people)
    found = niches.fit(points)
    numbers = found.assign(points)
    names: list[str] = []
    traits = segment_features.traits(segmentation.space.columns)
    for number in range(1, len(found.medoids) + 1):
        members = segment_model.differences(people, segmentation.space, numbers == number)
        names.append(personas.name(members, traits, names))
    return FittedSegments(as_of, segmentation, fences, found, tuple(names))


def _assign(
    connection: duckdb.DuckDBPyConnection, fitted: FittedSegments, version: str, settings: ScoringSettings
) -> pa.Table:
    """Return the table `segments`, made batch by batch."""
    columns = fitted.segmentation.space.columns
    batches = segment_features.batches(connection, settings.as_of, columns)
    return pa.concat_tables(_placed(fitted, batch, version, settings.as_of) for batch in batches)


def _placed(fitted: FittedSegments, people: People, version: str, as_of: date) -> pa.Table:
    """Return one row per person: segment, persona, distance to its centroid, whether far out, niche."""
    segments, distances = fitted.segmentation.assign(people)
    numbers = fitted.niches.assign(fitted.segmentation.space.place(people))
    columns = {
        "customer_key": people.keys,
        "as_of_date": pa.repeat(pa.scalar(as_of), len(people)),
        "persona_number": segments,
        "persona": [fitted.segmentation.names[segment] for segment in segments.tolist()],
        "distance": distances,
        "is_outlier": distances > np.array([fitted.fences[segment] for segment in segments.tolist()]),
        "niche": [fitted.niche_names[number - 1] if number else None for number in numbers.tolist()],
        "model_version": pa.repeat(version, len(people)),
    }
    return pa.table(columns, schema=tables.SEGMENTS.schema)


def _reservation(tested: tuple[Backtest, ...]) -> str | None:
    """Return what to bear in mind where the segments add nothing to RFM: they describe people, they do not predict."""
    by_origin = {(row.origin, row.candidate): row.value for row in tested}
    if all(by_origin[origin, CHAMPION] > by_origin[origin, BASELINE] for origin, _ in by_origin):
        return None
    return "Together with RFM the segments do not say more of later margin than RFM alone; use them to describe people."


def _card(
    people: People, choices: tuple[Choice, ...], quality: segment_quality.Quality, settings: ScoringSettings
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
