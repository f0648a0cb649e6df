"""Uplift: what a contact over each channel brings a person in margin and orders, learned from past experiments.

At each origin the candidates learn from contacts whose response days had ended, and are tested on those drawn from
then on until the next origin. All tests together judge (`uplift_verdict`): a single campaign has too few people to tell
a good ranking from chance. The measure is the Qini coefficient; contacting everyone, that is in random order, has 0.
Where no ranking is believed, everybody gets the mean effect.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.stats import rankdata

from crm_pipeline.faults import guard
from crm_pipeline.scoring import features
from crm_pipeline.scoring.contacts import experiments, qini
from crm_pipeline.scoring.contacts.experiments import Campaign, Trial
from crm_pipeline.scoring.contacts.uplift_learners import (
    LEARNERS,
    Alike,
    Learner,
    Lesson,
    design,
    expectation,
    lesson,
    pseudo_effects,
)
from crm_pipeline.scoring.contacts.uplift_verdict import RISK, UpliftRound, evidence
from crm_pipeline.scoring.learning import one_thread
from crm_pipeline.scoring.model import Demand, Floats, Inputs, NotEnoughDataError, Round, ScoringSettings, Verdict
from crm_pipeline.scoring.table import AS_OF, MODEL_VERSION, PERSON, Column, Mart, ScoreTable
from crm_pipeline.show import plots

TABLE = ScoreTable(
    "uplift",
    "One row per person and contact channel: what a contact is expected to add.",
    (
        PERSON,
        AS_OF,
        Column.text("contact_channel", "Contact channel; one for each that past experiments tried.", required=True),
        Column.number(
            "expected_extra_margin",
            "Margin that a contact is expected to add in the response days, its cost aside; below 0 it does harm.",
            required=True,
            money=4,
        ),
        Column.number("expected_extra_orders", "Orders that it is expected to add.", required=True),
        Column.flag(
            "is_mean_effect",
            "Whether it is the mean effect, the same for everybody: no ranking of people was told from chance.",
        ),
        MODEL_VERSION,
    ),
    key=("customer_key", "contact_channel"),
    models=("uplift",),
    mart=Mart("campaigns", name="contact_uplift"),
)
EVERYONE, RECENCY = "everyone", "recency"
MIN_OF_EACH_GROUP = 100
"""Contacted, and held out, that the contacts before an origin and those after it need each."""
MIN_BUYERS = 30
MOST_ORIGINS = 5
CERTAIN = 2.0
"""Standard errors that the mean effect must be away from none: where not even it is seen, no difference can be."""

_BATCH_ROWS = 100_000


@dataclass(frozen=True)
class Prepared:
    """The experiments, what to learn from them, and the mean effect on margin with its standard error."""

    campaigns: tuple[Campaign, ...]
    channels: tuple[str, ...]
    lesson: Lesson
    mean_effect: float
    error: float


@dataclass(frozen=True)
class FittedUplift:
    """A learner with the features and channels that it was trained on."""

    learner: Learner
    names: tuple[str, ...]
    channels: tuple[str, ...]


@dataclass(frozen=True)
class Uplift:
    """The uplift model; `response_days` and `control_shares` are those of the settings of actions."""

    response_days: int = 30
    control_shares: Mapping[str, float] = field(default_factory=dict)
    name: str = "uplift"
    table: ClassVar[ScoreTable] = TABLE
    score_column: str = "expected_extra_margin"
    candidates: tuple[str, ...] = tuple(LEARNERS)
    baselines: tuple[str, ...] = (EVERYONE, RECENCY)
    demands: ClassVar[tuple[Demand, ...]] = (Demand("qini", (EVERYONE, RECENCY), higher_is_better=True),)
    fallback: str = EVERYONE
    metric: str = "qini"
    higher_is_better: bool = True

    def prepare(self, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> Prepared:
        """Gather the contacts of all sound experiments.

        Raises:
            NotEnoughDataError: if there are too few of either group, or their mean effect cannot be told from none.
        """
        found = experiments.campaigns(connection, settings, self.control_shares)
        usable = [campaign for campaign in found if campaign.fault is None]
        trial = experiments.trial(connection, settings, usable, self.response_days)
        # A campaign of which too few are left, so that one of the groups is empty, has no effect to learn.
        trial = trial.where((trial.share > 0) & (trial.share < 1))
        if not _enough(trial):
            raise NotEnoughDataError(
                f"Needs {MIN_OF_EACH_GROUP} people contacted and {MIN_OF_EACH_GROUP} held out in experiments whose "
                f"{self.response_days} response days are over, {MIN_BUYERS} buyers in each group; has {_groups(trial)}."
            )
        channels = tuple(sorted(set(trial.channels.tolist())))
        past = lesson(trial, channels, settings.seed)
        effects = pseudo_effects(trial, trial.margin, past.expected_margin)
        mean, error = float(effects.mean()), float(effects.std() / np.sqrt(len(effects)))
        if abs(mean) < CERTAIN * error:
            raise NotEnoughDataError(
                f"Needs a mean effect of contacts that can be told from none; {len(trial):,} contacts of "
                f"{len(set(trial.campaigns.tolist()))} experiments show {mean:.2f} ± {error:.2f} extra margin each."
            )
        return Prepared(tuple(found), channels, past, mean, error)

    def rounds(self, prepared: Prepared, settings: ScoringSettings) -> Iterator[UpliftRound]:
        """Learn from the contacts before each origin and test on those until the next one, oldest first.

        Raises:
            NotEnoughDataError: if no origin has enough contacts on both sides.
        """
        trial = prepared.lesson.trial
        tests = self._tests(trial)
        if not tests:
            raise NotEnoughDataError("No experiment has enough contacts both before it to learn from and after it.")
        for origin, before, after in tests:
            yield _round(origin, trial.where(before), trial.where(after), prepared.channels, settings.seed)

    def judge(self, rounds: Sequence[Round]) -> Verdict:
        """Believe in a ranking if it holds on contacts that had no say in its choice; else everybody is alike."""
        found = evidence([one for one in rounds if isinstance(one, UpliftRound)], self.candidates, RECENCY)
        if found.holds:
            return Verdict(found.method)
        said = (
            "Everybody gets the mean effect: no ranking of people was told from chance. Among people who had no say in "
            f"its choice, the best has a Qini coefficient of {found.qini:.3f}, at least {found.lowest:.3f} with "
            f"{1 - RISK:.0%} certainty, and is {found.ahead:+.3f} ahead of recency."
        )
        return Verdict(EVERYONE, notes=(said,))

    def measure(self, actual: Floats, predicted: Floats) -> Mapping[str, float]:
        """Return the figures of `qini.measures`."""
        return qini.measures(actual, predicted)

    def fit(self, prepared: Prepared, candidate: str, settings: ScoringSettings) -> FittedUplift:
        """Fit a candidate on all contacts."""
        with one_thread():
            learner = {**LEARNERS, EVERYONE: Alike.fit}[candidate](prepared.lesson, settings.seed)
        return FittedUplift(learner, prepared.lesson.trial.names, prepared.channels)

    def training_data(self, prepared: Prepared) -> list[npt.NDArray[Any]]:
        """Return the contacts."""
        trial = prepared.lesson.trial
        days = trial.days.astype(np.int64)
        return [trial.keys, trial.campaigns, days, trial.treated, trial.margin, trial.orders, prepared.lesson.design]

    def inputs(self, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> Inputs:
        """Return the features of the people to score."""
        names = features.feature_names(connection, settings.as_of)
        batch = next(iter(_people(connection, names, settings.as_of, settings.training_rows)), None)
        return Inputs(names, np.empty((0, len(names))) if batch is None else features.matrix(batch, names))

    def score(
        self, connection: duckdb.DuckDBPyConnection, fitted: FittedUplift, version: str, settings: ScoringSettings
    ) -> pa.Table:
        """Return one row per person with features at the as-of date and contact channel that has experiments."""
        batches = [
            _scored(batch, fitted, version, settings.as_of)
            for batch in _people(connection, fitted.names, settings.as_of, _BATCH_ROWS)
        ]
        return pa.Table.from_batches(batches, schema=TABLE.schema).combine_chunks()

    def card(self, prepared: Prepared, fitted: FittedUplift, settings: ScoringSettings) -> Mapping[str, Any]:
        """Return the experiments that were used and left out, and the mean effect."""
        trial = prepared.lesson.trial
        drawn = set(trial.campaigns.tolist())
        used = [one for one in prepared.campaigns if one.key in drawn]
        return {
            "training_window": [str(trial.days.min()), str(trial.days.max())],
            "rows": len(trial),
            "response_days": self.response_days,
            "channels": list(fitted.channels),
            "mean_extra_margin": round(prepared.mean_effect, 6),
            "mean_extra_margin_error": round(prepared.error, 6),
            "experiments": [
                f"{one.name} ({one.contact_channel}): {one.treated} contacted, {one.held_out} held out" for one in used
            ],
            "left_out": [
                f"{one.name}: {one.fault or 'nothing is known of its people before it, or its days are not over'}"
                for one in prepared.campaigns
                if one not in used
            ],
            "groups_not_checked": [one.name for one in used if one.experiment not in self.control_shares],
        }

    def plots(self, rounds: Sequence[Round], champion: str) -> Mapping[str, str]:
        """Return the Qini curve and the effect by tenths of the expected one, over the largest test."""
        widest = max(rounds, key=lambda one: len(one.actual))
        shares = np.linspace(0, 1, 41)
        lines = {
            name: list(zip(shares, qini.curve(widest.actual, widest.predictions[name], shares), strict=True))
            for name in dict.fromkeys((champion, RECENCY, EVERYONE))
        }
        tenths = qini.by_group(widest.actual, widest.predictions[champion])
        return guard.drawn(
            {
                f"Uplift: Qini curve from {widest.origin} on": lambda: plots.curve(
                    "Qini curve", "share of people contacted", "extra margin per person", lines, [EVERYONE]
                ),
                f"Uplift: extra margin by tenth from {widest.origin} on": lambda: plots.bars(
                    "Extra margin of a contact, by tenth of the expected one",
                    [str(place + 1) for place in range(len(tenths))],
                    {"expected": [expected for expected, _ in tenths], "measured": [seen for _, seen in tenths]},
                    ["expected"],
                ),
            }
        )

    def _tests(self, trial: Trial) -> list[tuple[np.datetime64, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]:
        """Return origins, each with the contacts to learn from and to test on; the newest ones, no contact twice."""
        found, until = [], trial.days.max() + np.timedelta64(1, "D")
        for origin in reversed(_origins(trial)):
            before = trial.days + np.timedelta64(self.response_days, "D") <= origin
            after = (trial.days >= origin) & (trial.days < until)
            if _enough(trial.where(before)) and _enough(trial.where(after)):
                found.append((origin, before, after))
                until = origin
        return found[MOST_ORIGINS - 1 :: -1]


def _round(origin: np.datetime64, before: Trial, after: Trial, channels: tuple[str, ...], seed: int) -> UpliftRound:
    past = lesson(before, channels, seed)
    matrix = design(after.features, after.channels, channels)
    mean = float(pseudo_effects(before, before.margin, past.expected_margin).mean())
    with one_thread():
        expected = expectation(past.design, before.margin, seed).predict(matrix)
        learned = {name: fit(past, seed).effects(matrix).margin for name, fit in LEARNERS.items()}
    naive = {EVERYONE: np.full(len(after), mean), RECENCY: _by_recency(after, mean)}
    actual = pseudo_effects(after, after.margin, expected)
    return UpliftRound(origin=origin.astype(object), actual=actual, predictions={**learned, **naive}, keys=after.keys)


def _by_recency(trial: Trial, mean: float) -> Floats:
    """Return the mean effect spread evenly from the longest silent (none of it) to the latest buyer (twice of it)."""
    recency = trial.features[:, trial.names.index("recency_days")]
    return 2 * mean * (rankdata(-np.nan_to_num(recency, nan=np.inf)) - 0.5) / len(trial)


def _origins(trial: Trial) -> list[np.datetime64]:
    """Return the first day of each campaign."""
    _, first = np.unique(trial.campaigns, return_index=True)
    return sorted(set(trial.days[first]))


def _enough(trial: Trial) -> bool:
    return all(
        group.sum() >= MIN_OF_EACH_GROUP and (trial.orders[group] > 0).sum() >= MIN_BUYERS
        for group in (trial.treated == 1, trial.treated == 0)
    )


def _groups(trial: Trial) -> str:
    parts = []
    for name, group in (("contacted", trial.treated == 1), ("held out", trial.treated == 0)):
        parts.append(f"{group.sum():,} {name} with {(trial.orders[group] > 0).sum():,} buyers")
    return " and ".join(parts)


def _people(
    connection: duckdb.DuckDBPyConnection, names: tuple[str, ...], as_of: date, batch_rows: int
) -> pa.RecordBatchReader:
    return connection.sql(
        f"select customer_key, {features.select_list(connection, names)} from {features.TABLE} "
        "where as_of_date = $as_of order by customer_key",
        params={"as_of": as_of},
    ).to_arrow_reader(batch_rows)


def _scored(batch: pa.RecordBatch, fitted: FittedUplift, version: str, as_of: date) -> pa.RecordBatch:
    """Return the rows of a batch of people, by person and contact channel."""
    count, channels = len(batch), np.array(fitted.channels, dtype=np.str_)
    matrix = np.repeat(features.matrix(batch, fitted.names), len(channels), axis=0)
    told = np.tile(channels, count)
    with one_thread():
        effects = fitted.learner.effects(design(matrix, told, fitted.channels))
    columns = [
        pa.array(np.repeat(batch.column("customer_key").to_numpy(), len(channels))),
        pa.repeat(pa.scalar(as_of, pa.date32()), len(told)),
        pa.array(told.tolist(), pa.string()),
        pa.array(effects.margin),
        pa.array(effects.orders),
        pa.repeat(pa.scalar(isinstance(fitted.learner, Alike)), len(told)),
        pa.repeat(pa.scalar(version, pa.string()), len(told)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=TABLE.schema)
