"""Service, the voice of the customer, and the loyalty programme."""

from crm_pipeline.publish.report.draw import intervals, lines, table
from crm_pipeline.publish.report.found import Part, Section

SERVICE = Section(
    "Service, voice and loyalty",
    (
        Part(
            "Would they recommend us?",
            "Net promoter score by month: percent of promoters less percent of detractors.",
            """
            select month, kind, score
            from marts.satisfaction
            where dimension = 'all' and kind = 'nps' and is_complete
                and month > getvariable('last_month') - interval 24 month
            order by month
            """,
            lines("net promoter score"),
        ),
        Part(
            "How they write",
            "Share of the texts that read as negative, by where they were written.",
            """
            select month, text_source, sum(negative_share * read_texts) / nullif(sum(read_texts), 0)
            from marts.sentiment_by_source
            where is_complete and read_texts > 0
                and month > getvariable('last_month') - interval 24 month
            group by month, text_source
            order by text_source, month
            """,
            lines("share of negative texts", percent=True),
        ),
        Part(
            "Why people need service",
            "Tickets of the last 12 months by category; growth is from the 90 days before to the last 90 days.",
            """
            select
                cause, tickets_12m as tickets, share_12m as share, trend as "growth rate", satisfaction as rating,
                reopen_rate, resolution_hours_median as "median hours to resolution", service_cost_12m as cost
            from marts.ticket_causes
            where cause_kind = 'category'
            order by tickets_12m desc, cause
            """,
            table,
            wide=True,
        ),
        Part(
            "What moves satisfaction",
            "Difference of the mean answer (in percent of the scale) between those with and without; 95 % intervals.",
            """
            select
                kind || ': ' || replace(driver, '_', ' ') as driver, 100 * difference,
                100 * (difference - margin_of_error), 100 * (difference + margin_of_error)
            from marts.satisfaction_drivers
            where difference is not null and margin_of_error is not null
            order by abs(standardised_difference) desc nulls last, kind, driver
            limit 10
            """,
            intervals("points of 100"),
        ),
        Part(
            "Members",
            "Active members of the loyalty programme by tier.",
            """
            select month, tier, active_members
            from marts.loyalty_programme
            where is_complete
                and month > getvariable('last_month') - interval 24 month
            order by list_position(['bronze', 'silver', 'gold'], tier), tier, month
            """,
            lines("active members"),
        ),
        Part(
            "Does the programme make people buy again?",
            "Members beside others with as many orders before; difference in points of 100, with its 95 % margin.",
            """
            select
                orders_before as "orders before", members, others, repurchase_rate as "members' repurchase rate",
                repurchase_rate_of_others as "others' repurchase rate",
                format(
                    '{:+.1f} ± {:.1f}', 100 * repurchase_difference, 100 * repurchase_margin_of_error
                ) as "difference"
            from marts.loyalty_effect
            order by orders_before = 'all', orders_before
            """,
            table,
            wide=True,
        ),
    ),
)
