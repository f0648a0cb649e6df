"""How far to trust all this: models and data."""

from crm_pipeline.publish.report.draw import table
from crm_pipeline.publish.report.found import Part, Section

TRUST = Section(
    "How far to trust this",
    (
        Part(
            "Models",
            "Each beside its naive baseline on later time that it had not seen; means over the origins.",
            """
            with backtests as (
                select model, metric, candidate, avg(value) as value from marts.model_backtests group by all
            )
            select
                replace(status.model, '_', ' ') as model, replace(status.status, '_', ' ') as status,
                replace(status.champion, '_', ' ') as champion, replace(status.metric, '_', ' ') as metric,
                round(champions.value, 3) as value, replace(status.baseline, '_', ' ') as baseline,
                round(baselines.value, 3) as "baseline's value"
            from marts.model_status as status
            left join backtests as champions
                on status.model = champions.model and status.metric = champions.metric
                    and status.champion = champions.candidate
            left join backtests as baselines
                on status.model = baselines.model and status.metric = baselines.metric
                    and status.baseline = baselines.candidate
            order by status.model
            """,
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
