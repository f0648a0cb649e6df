"""What people wrote, up to a date: tickets, survey comments and social mentions in one shape, each with its language.

Texts are personal: they are read here to be scored, and are never logged, published or kept beside a score.
"""

from collections.abc import Callable, Sequence
from datetime import date

import duckdb
import pyarrow as pa

from crm_pipeline.scoring import sampling
from crm_pipeline.scoring.model import Floats, ScoringSettings
from crm_pipeline.scoring.texts.languages import LANGUAGE

LANGUAGES = {"en": "English", "zh": "Chinese"}
BATCH_ROWS = 20_000
MOST_TRAINING = 20_000
"""Texts that a model learns from at most."""

# One row per text. `rating` (0-1) is what the same person gave with it, as far as it was known at the cutoff: a
# ticket's satisfaction is asked for when it is resolved.
_TEXTS = f"""
    select *, {LANGUAGE} as language
    from (
        select 'social' as source, mention_key as text_key, customer_key, posted_on as said_on, body,
            (rating - 1) / 4 as rating
        from customer.fct_social_mentions
        where posted_on <= $cutoff
        union all
        select 'survey', response_key, customer_key, answered_on, comment, score_share
        from customer.fct_survey_responses
        where answered_on <= $cutoff
        union all
        select 'ticket', ticket_key, customer_key, opened_on, concat_ws('. ', subject_line, body),
            case when resolved_on <= $cutoff then (satisfaction - 1) / 4 end
        from customer.fct_support_tickets
        where opened_on <= $cutoff
    ) as said
    where trim(body) <> ''
"""


def texts(
    connection: duckdb.DuckDBPyConnection,
    cutoff: date,
    language: str,
    source: str | None = None,
    newest: int | None = None,
) -> pa.RecordBatchReader:
    """Return the texts of a language up to a date, in batches ordered by source and key.

    Args:
        connection: the warehouse.
        cutoff: the last day of which texts are read.
        language: `en`, `zh` or `other`.
        source: `social`, `survey` or `ticket`; all of them where none is named.
        newest: at most so many of them, the newest.
    """
    return connection.sql(
        f"""
        select * from (
            select * from ({_TEXTS}) as texts
            where language = $language and source = coalesce($source, source)
            order by said_on desc, source, text_key
            limit $newest
        ) as newest
        order by source, text_key
        """,
        params={"cutoff": cutoff, "language": language, "source": source, "newest": newest},
    ).to_arrow_reader(BATCH_ROWS)


def rated(connection: duckdb.DuckDBPyConnection, language: str, settings: ScoringSettings) -> pa.Table:
    """Return the rated texts of a language, oldest first.

    Beyond about `MOST_TRAINING`, or `training_rows` where that is less, a fixed share of them is taken.
    """
    among = f"from ({_TEXTS}) as texts where language = $language and rating is not null"
    params: dict[str, object] = {"cutoff": settings.as_of, "language": language}
    found = connection.sql(f"select count(*) {among}", params=params).fetchall()[0][0]
    params["parts"] = sampling.parts(min(settings.training_rows, MOST_TRAINING), found)
    return connection.sql(
        f"""
        select source, text_key, said_on, body, rating::double as rating
        {among} and {sampling.is_sampled("text_key")}
        order by said_on, source, text_key
        """,
        params=params,
    ).to_arrow_table()


def read_once(bodies: Sequence[str], read: Callable[[list[str]], Floats]) -> Floats:
    """Return what `read` says of each text, one row per text; equal texts are read once."""
    places = {body: place for place, body in enumerate(dict.fromkeys(bodies))}
    return read(list(places))[[places[body] for body in bodies]]
