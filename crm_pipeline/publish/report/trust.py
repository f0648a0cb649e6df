"""How far to trust all this: models and data."""

from crm_pipeline.publish.model_figures import FIGURES
from crm_pipeline.publish.report.draw import table
from crm_pipeline.publish.report.found import Part, Section

TRUST = Section(
    "How far to trust this",
    (
        Part(
            "Models",
            "Each beside its naive baseline on later time that it had not seen; means over the origins.",
            FIGURES,
            table,
            wide=True,
        ),
        Part(
            "Data by channel",
            "Rows in use; rows dated after the as-of date are held back.",
            """
            select
                replace(subject, '_', ' ') as channel,
                (max(value) filter (where metric = 'rows'))::bigint as "rows",
                (max(value) filter (where metric = 'rows_held_back'))::bigint as "held back"
            from marts.data_quality
            where area = 'channel'
            group by subject
            order by "rows" desc nulls last, channel
            """,
            table,
        ),
        Part(
            "Quarantine",
            "Values that could not be used, commonest first; the rows are kept with file, line and column.",
            """
            select subject as problem, detail as remedy, value::bigint as "values"
            from marts.data_quality
            where area = 'quarantine'
            order by "values" desc, problem, remedy
            limit 10
            """,
            table,
        ),
    ),
)
