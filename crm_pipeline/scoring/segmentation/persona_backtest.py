"""What personas say of later margin, beside the segments of RFM, measured on time that they had not seen."""

from datetime import date, timedelta

import duckdb
import numpy as np
import numpy.typing as npt

from crm_pipeline.scoring.lifetime import purchases
from crm_pipeline.scoring.model import ScoringSettings
from crm_pipeline.scoring.outcome import Backtest
from crm_pipeline.scoring.questions import labels
from crm_pipeline.scoring.segmentation import persona_features, persona_model, rfm
from crm_pipeline.scoring.segmentation.persona_quality import explained_variance

HORIZON_DAYS = 182
ORIGINS = 3
FIT_PEOPLE = 20_000
METRIC = "explained_margin"
CHAMPION, BASELINE = "kmeans_and_rfm", "rfm"


def backtests(
    connection: duckdb.DuckDBPyConnection, personas: int, fewest_people: int, settings: ScoringSettings
) -> tuple[Backtest, ...]:
    """Return the share of the next half year's margin that lies between personas, at up to three earlier origins.

    K-Means is fitted anew at each origin on what was known then, and both kinds of groups are compared on the same
    people. The share is adjusted for the number of personas (`explained_variance`).
    """
    last = settings.as_of - timedelta(days=HORIZON_DAYS)
    known = labels.origins_on_grid(connection, last)[::-1]
    origins: list[date] = []
    for origin in known:
        apart = not origins or (origins[-1] - origin).days >= HORIZON_DAYS // 2
        if apart and persona_features.eligible(connection, origin) >= fewest_people and _differ(connection, origin):
            origins.append(origin)
    rows = []
    for origin in reversed(origins[:ORIGINS]):
        keys, groups = _groups(connection, origin, personas, settings)
        margin = purchases.margin_after(connection, keys, origin, origin + timedelta(days=HORIZON_DAYS))
        rows += [
            Backtest(
                "segmentation", origin, name, name == BASELINE, METRIC, explained_variance(margin, labels), len(keys)
            )
            for name, labels in groups.items()
        ]
    return tuple(rows)


def _differ(connection: duckdb.DuckDBPyConnection, origin: date) -> bool:
    """Tell whether people differed in anything at an origin that shapes personas."""
    return any(feature.shapes for feature in persona_features.available(connection, origin).features)


def _groups(
    connection: duckdb.DuckDBPyConnection, origin: date, personas: int, settings: ScoringSettings
) -> tuple[npt.NDArray[np.int64], dict[str, npt.NDArray[np.generic]]]:
    columns = persona_features.available(connection, origin)
    people = persona_features.sample(connection, origin, columns, FIT_PEOPLE)
    space = persona_features.fit_space(people, columns, settings.seed)
    kmeans, _ = persona_model.fit(people, space, personas, settings.seed).assign(people)
    scored = rfm.score(connection, origin)
    by_key = dict(zip(scored["customer_key"].to_pylist(), scored["rfm_segment"].to_pylist(), strict=True))
    by_rfm = np.array([by_key.get(key, "none") for key in people.keys.tolist()])
    both = np.array([f"{one} {other}" for one, other in zip(kmeans, by_rfm, strict=True)])
    return people.keys, {"kmeans": kmeans, CHAMPION: both, BASELINE: by_rfm}
