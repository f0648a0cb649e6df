-- The same people at every as-of date, so that what came after can be compared with what was known before.
with everyone as (
    select customer_key from {{ ref('dim_customers') }}
),

dates as (
    select as_of_date from {{ ref('as_of_dates') }}
),

grid as (
    select count(*) as number_of_rows
    from everyone
    cross join dates
),

-- Of 1,009 parts, over which people are spread evenly, as many as give about so many rows.
size as (
    select {{ ratio(var('sampled_feature_rows') ~ ' * 1009', 'greatest(number_of_rows, 1)') }} as parts
    from grid
),

taken as (
    select everyone.customer_key
    from everyone
    cross join size
    where mod(abs(everyone.customer_key), 1009) < size.parts
),

sampled as (
    {{ feature_rows(whose='customer_key in (select customer_key from taken)') | indent(4) }}
)

select * from sampled
