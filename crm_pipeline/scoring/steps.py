"""The models in the order in which they score, and the tables that each gives.

A step that raises an error stops no other: its tables are empty, and a status says so.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from crm_pipeline.config.actions import ActionSettings
from crm_pipeline.config.dataset import Dataset
from crm_pipeline.config.programmes import Programme
from crm_pipeline.config.questions import OwnQuestion
from crm_pipeline.config.settings import Settings
from crm_pipeline.faults import guard
from crm_pipeline.scoring import registry, store
from crm_pipeline.scoring.contacts import action_options, experiment_results, next_best_action, uplift
from crm_pipeline.scoring.journeys import removal_effects
from crm_pipeline.scoring.lifetime.clv import Clv
from crm_pipeline.scoring.model import Model, ScoringSettings
from crm_pipeline.scoring.outcome import (
    BACKTESTS,
    STATUSES,
    ModelStatus,
    Report,
    Status,
    backtest_table,
    status_table,
    with_faults,
)
from crm_pipeline.scoring.products import association_rules
from crm_pipeline.scoring.products.recommendation import Recommendation
from crm_pipeline.scoring.programmes import programme_effects
from crm_pipeline.scoring.questions import early_warnings, own_questions
from crm_pipeline.scoring.questions.category_propensity import CategoryPropensity
from crm_pipeline.scoring.questions.churn import Churn
from crm_pipeline.scoring.questions.loyalty import Loyalty
from crm_pipeline.scoring.questions.propensity import Propensity
from crm_pipeline.scoring.referrals import referral_network
from crm_pipeline.scoring.run import run
from crm_pipeline.scoring.segmentation import persona_tables, personas, rfm
from crm_pipeline.scoring.table import ScoreTable
from crm_pipeline.scoring.texts import sentiment, text, topics


@dataclass(frozen=True)
class Given:
    """What a step may use: the warehouse to read, what is asked, and what was scored before it."""

    connection: duckdb.DuckDBPyConnection
    asked: ScoringSettings
    actions: ActionSettings
    settings: Settings
    programmes: tuple[Programme, ...] = ()
    questions: tuple[OwnQuestion, ...] = ()

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, dataset: Dataset, settings: Settings, as_of: date) -> "Given":
        """Return what the settings of a dataset and of a deployment ask for as of a date."""
        business = dataset.business
        asked = ScoringSettings(
            as_of=as_of,
            churn_horizon_days=business.churn_horizon_days,
            clv_horizon_months=business.clv_horizon_months,
            monthly_discount_rate=business.monthly_discount_rate,
            propensity_horizon_days=dataset.models.propensity_horizon_days,
            eligibility_days=dataset.models.eligibility_days,
            medium_risk=dataset.models.medium_risk,
            high_risk=dataset.models.high_risk,
            attribution_days=dataset.journeys.attribution_days,
            currency=business.currency,
            seed=settings.seed,
            threads=settings.threads,
            training_rows=settings.training_rows,
        )
        return cls(connection, asked, dataset.actions, settings, dataset.programmes, dataset.questions)

    @property
    def registry(self) -> Path:
        """The folder of stored models."""
        return store.registry(self.settings)

    def stored(self, table: str, as_of: date | None = None) -> pa.Table:
        """Return a table as of a date (default: as scored by an earlier step); empty where it was never scored."""
        return store.read_or_empty(self.settings, tables()[table], as_of or self.asked.as_of)


@dataclass(frozen=True)
class Made:
    """What a step gives: its tables by name, and what each of its models has to say for itself."""

    tables: Mapping[str, pa.Table]
    reports: tuple[Report, ...] = ()


@dataclass(frozen=True)
class Step:
    """One step of the stage: what to do, and the tables that come of it."""

    take: Callable[[Given], Made]
    tables: tuple[ScoreTable, ...]


def predicting(model: Model) -> Step:
    """Return the step of a model that fills in the protocol."""
    return Step(lambda given: _predicted(model, given), (model.table,))


def _predicted(model: Model, given: Given) -> Made:
    result = run(model, given.connection, given.asked, given.registry)
    return Made({model.table.name: result.scores}, (result.report,))


def _rfm(given: Given) -> Made:
    return Made({"rfm": rfm.score(given.connection, given.asked.as_of)})


def _texts(given: Given) -> Made:
    """Read the texts of each language with its own model, then gather what each person wrote."""
    results = {
        language: run(sentiment.Sentiment(language), given.connection, given.asked, given.registry)
        for language in text.LANGUAGES
    }
    scores = {language: result.scores for language, result in results.items()}
    found, statuses, plots = topics.ticket_topics(given.connection, given.asked)
    nothing: dict[str, pa.Table] = {}
    tables = guard.attempt("the sentiment of texts", lambda: _sentiment(given, scores), nothing)
    tables["ticket_topics"] = found
    told = [Report(status, plots=plots if place == 0 else {}) for place, status in enumerate(statuses)]
    return Made(tables, (*(result.report for result in results.values()), *told))


def _sentiment(given: Given, scores: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    texts = sentiment.text_sentiment(given.connection, scores, given.asked)
    by_person = sentiment.customer_sentiment(texts, given.asked.as_of)
    return {"text_sentiment": texts, "customer_sentiment": by_person}


def _segmentation(given: Given) -> Made:
    """Go on with the personas of the last run before this date, unless new ones are clearly better."""
    before = registry.latest_accepted(given.registry, personas.MODEL, given.asked.as_of)
    last = store.last_before(given.settings, "personas", given.asked.as_of)
    previous = personas.Previous(
        guard.attempt("reading the stored segmentation", before.load, None) if before else None,
        before.version if before else None,
        *((given.stored("personas", last), given.stored("rfm", last)) if last else ()),
    )
    what = f"the model {personas.MODEL}"
    result = guard.tried(what, lambda: personas.run(given.connection, given.asked, previous))
    if isinstance(result, guard.Fault):
        result = personas.go_on(given.connection, given.asked, previous, result.sentence)
    card = registry.save(given.registry, result.artefact).card if result.artefact else before.card if before else {}
    said = {"complaints": list(result.complaints)}
    return Made(result.tables, (Report(result.status, result.backtests, {**card, **said}, result.plots),))


def _basket_rules(given: Given) -> Made:
    rules, status, plots = association_rules.basket_rules(given.connection, given.asked)
    return Made({"basket_rules": rules}, (Report(status, plots=plots),))


def _medium_removal_effects(given: Given) -> Made:
    asked = given.asked
    effects = removal_effects.medium_removal_effects(given.connection, asked.as_of, asked.attribution_days)
    return Made({"medium_removal_effects": effects})


def _own_questions(given: Given) -> Made:
    models = [own_questions.OwnModel(declared) for declared in given.questions]
    results = [run(model, given.connection, given.asked, given.registry) for model in models]
    rows = pa.concat_tables([own_questions.TABLE.empty(), *(result.scores for result in results)])
    return Made({own_questions.TABLE.name: rows}, tuple(result.report for result in results))


def _early_warnings(given: Given) -> Made:
    warned = early_warnings.warn(given.connection, given.asked)
    return Made({"early_warnings": warned.table}, (Report(None, warned.backtests),))


def _referral_network(given: Given) -> Made:
    return Made({"referral_network": referral_network.referral_network(given.connection, given.asked.as_of)})


def _uplift(given: Given) -> Made:
    return _predicted(uplift.Uplift(given.actions.response_days, given.actions.control_shares), given)


def _experiments(given: Given) -> Made:
    actions = given.actions
    found = experiment_results.results(
        given.connection, given.asked.as_of, actions.response_days, actions.control_shares
    )
    return Made({"experiment_results": found})


def _programme_effects(given: Given) -> Made:
    effects, months = programme_effects.programme_effects(
        given.connection, given.programmes, given.asked.as_of, given.asked.seed
    )
    return Made({"programme_effects": effects, "programme_effect_months": months})


def _next_best_actions(given: Given) -> Made:
    tables = {name: given.stored(name) for name in action_options.GIVEN}
    proposed = next_best_action.propose(given.connection, tables, given.actions, given.asked)
    made = {"next_best_actions": proposed.actions, "action_plans": proposed.plans, "target_groups": proposed.targets}
    return Made(made, (Report(None, plots=proposed.plots),))


STEPS: dict[str, Step] = {
    "rfm": Step(_rfm, (rfm.TABLE,)),
    "texts": Step(_texts, (sentiment.TEXT_SENTIMENT, sentiment.CUSTOMER_SENTIMENT, topics.TICKET_TOPICS)),
    "segmentation": Step(_segmentation, persona_tables.TABLES),
    "clv": predicting(Clv()),
    "churn": predicting(Churn()),
    "propensity": predicting(Propensity()),
    "category_propensity": predicting(CategoryPropensity()),
    "loyalty": predicting(Loyalty()),
    "own_questions": Step(_own_questions, (own_questions.TABLE,)),
    "early_warnings": Step(_early_warnings, (early_warnings.TABLE,)),
    "basket_rules": Step(_basket_rules, (association_rules.TABLE,)),
    "recommendations": predicting(Recommendation()),
    "referral_network": Step(_referral_network, (referral_network.TABLE,)),
    "medium_removal_effects": Step(_medium_removal_effects, (removal_effects.TABLE,)),
    "uplift": Step(_uplift, (uplift.TABLE,)),
    "experiments": Step(_experiments, (experiment_results.TABLE,)),
    "programme_effects": Step(_programme_effects, (programme_effects.EFFECTS, programme_effects.MONTHS)),
    "next_best_actions": Step(
        _next_best_actions, (next_best_action.ACTIONS, next_best_action.PLANS, next_best_action.TARGETS)
    ),
}
"""Each step may read the tables of those before it."""
FIGURES = (BACKTESTS, STATUSES)
"""The tables of what all models measured, made at last."""


def tables() -> dict[str, ScoreTable]:
    """Return all tables that the steps make, by name."""
    made = (*(table for step in STEPS.values() for table in step.tables), *FIGURES)
    return {table.name: table for table in made}


def score(given: Given) -> Iterator[tuple[str, Made]]:
    """Take each step, keep its tables as of the date asked for, and at last what all models measured.

    Yields:
        Each step's name and what it made; the tables lie in the store by then.
    """
    reports: list[Report] = []
    for name, step in STEPS.items():
        made = _kept(given, _outlived(name, step, given))
        reports += made.reports
        yield name, made
    backtests = [row for report in reports for row in report.backtests]
    statuses = [report.status for report in reports if report.status]
    gathered = {
        "model_backtests": backtest_table(backtests, given.asked.as_of),
        "model_status": status_table(statuses, given.asked.as_of),
    }
    yield "model_figures", _kept(given, Made(gathered))


def _outlived(name: str, step: Step, given: Given) -> Made:
    """Take a step. Tables that it could not make are empty; what failed stands in the status of its first model."""
    with guard.watched() as faults:
        made = guard.tried(f"the step {name}", lambda: _typed(step.take(given)))
    if isinstance(made, guard.Fault):
        made = Made({}, (Report(ModelStatus(name, Status.FAILED, made.sentence)),))
    missing = {table.name: table.empty() for table in step.tables}
    return Made({**missing, **made.tables}, _told(name, made.reports, faults) if faults else made.reports)


def _typed(made: Made) -> Made:
    known = tables()
    return Made({table: known[table].typed(rows) for table, rows in made.tables.items()}, made.reports)


def _told(name: str, reports: tuple[Report, ...], faults: list[str]) -> tuple[Report, ...]:
    """Return the reports with the faults in the first status; in one of the step itself where it has none."""
    told = next((place for place, report in enumerate(reports) if report.status), None)
    if told is None:
        return (*reports, Report(with_faults(ModelStatus(name, Status.OK), faults)))
    status = reports[told].status or ModelStatus(name, Status.OK)
    return (*reports[:told], replace(reports[told], status=with_faults(status, faults)), *reports[told + 1 :])


def _kept(given: Given, made: Made) -> Made:
    known = tables()
    for table, rows in made.tables.items():
        store.save(given.settings, known[table], given.asked.as_of, rows)
    return made
