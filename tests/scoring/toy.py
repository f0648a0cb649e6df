"""A toy model, for what the frame does with any model: it says what its constructor was told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from crm_pipeline.scoring.model import Demand, Inputs, NotEnoughDataError, Round, SchemaMismatchError
from crm_pipeline.scoring.table import AS_OF, MODEL_VERSION, PERSON, Column, ScoreTable

TABLE = ScoreTable(
    "toy",
    "One row per person.",
    (PERSON, AS_OF, Column.number("forecast", "What is foretold."), MODEL_VERSION),
    key=("customer_key",),
    models=("toy",),
)
ORIGINS = (date(2023, 1, 31), date(2023, 2, 28), date(2023, 3, 31))
ACTUAL = np.arange(20.0)


@dataclass
class Toy:
    """Predicts `scores`, and was off by `errors[candidate]` at each origin of its backtest; method `breaks` raises.

    An error of None says that the candidate had nothing to learn from, NaN that it could not be computed.
    """

    errors: Mapping[str, Sequence[float]]
    scores: Sequence[float] = tuple(range(20))
    enough: bool = True
    columns: tuple[str, ...] = ("recency",)
    name: str = "toy"
    table: ScoreTable = TABLE
    score_column: str = "forecast"
    candidates: tuple[str, ...] = ("simple", "clever")
    baselines: tuple[str, ...] = ("naive",)
    metric: str = "mean_absolute_error"
    higher_is_better: bool = False
    demands: tuple[Demand, ...] = ()
    fallback: str = ""
    breaks: str = ""

    def __getattribute__(self, name):
        if name and name == object.__getattribute__(self, "breaks"):
            raise ValueError("a value of somebody")
        return object.__getattribute__(self, name)

    def prepare(self, connection, settings):
        if not self.enough:
            raise NotEnoughDataError("Needs 2 people; has 1.")
        return np.array(self.scores, dtype=float)

    def rounds(self, prepared, settings):
        for place, origin in enumerate(ORIGINS):
            errors = {name: each[place] for name, each in self.errors.items() if each[place] is not None}
            yield Round(origin, ACTUAL, {name: ACTUAL + error for name, error in errors.items()})

    def measure(self, actual, predicted):
        error = float((predicted - actual).mean())
        return {self.metric: abs(error), "shortfall": 100 * max(-error, 0.0)}

    def fit(self, prepared, candidate, settings):
        return {"scores": prepared.tolist(), "columns": self.columns}

    def training_data(self, prepared):
        return [prepared]

    def inputs(self, connection, settings):
        return Inputs(self.columns, np.array(self.scores, dtype=float).reshape(-1, 1))

    def score(self, connection, fitted, version, settings):
        if fitted["columns"] != self.columns:
            raise SchemaMismatchError
        count = len(fitted["scores"])
        columns = [list(range(count)), [settings.as_of] * count, fitted["scores"], [version] * count]
        arrays = [pa.array(c, t.type) for c, t in zip(columns, TABLE.schema, strict=True)]
        return pa.Table.from_arrays(arrays, schema=TABLE.schema)

    def card(self, prepared, fitted, settings):
        return {"rows": len(prepared)}

    def plots(self, rounds, champion):
        return {f"toy: {champion}": "<svg/>"}
