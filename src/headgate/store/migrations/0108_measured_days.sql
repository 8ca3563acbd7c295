-- Sums by user and tag get what charts ask of them: classes of the status, and the two sketches as numbers.

-- `measured` is how many of the calls were counted with all that follows: a process of the version before adds none.
alter table rollup_days
    add column measured bigint not null default 0,
    add column client_errors bigint not null default 0,
    add column server_errors bigint not null default 0,
    add column durations numeric not null default 0,
    add column first_tokens numeric not null default 0;

-- Rows all of whose calls are still on record. Of the others nothing is known, which is not 0.
with calls as materialized (
    select project, (started_at at time zone 'UTC')::date as day, "user", tags, status,
        ('1' || repeat('0', 12 * case when duration_ms <= 1 then 0
            else least(127, ceil(ln(duration_ms) / ln(1.15)))::int end))::numeric as duration,
        -- Without a first token there is no bucket, and `least` would name the last one.
        ('1' || repeat('0', 12 * case when first_token_ms is null then null when first_token_ms <= 1 then 0
            else least(127, ceil(ln(first_token_ms) / ln(1.15)))::int end))::numeric as first_token
    from requests
), found as (
    select c.project, c.day, d.dimension, d.value, count(*) as requests,
        count(*) filter (where c.status between 400 and 499) as client_errors,
        count(*) filter (where c.status not between 100 and 499) as server_errors,
        sum(c.duration) as durations, coalesce(sum(c.first_token), 0) as first_tokens
    from calls c cross join lateral (
        select 'user', c."user"
        union all
        select distinct 'tag', tag from unnest(c.tags) tag where not starts_with(tag, 'run:')
    ) d (dimension, value)
    group by 1, 2, 3, 4
)
update rollup_days r
set measured = f.requests, client_errors = f.client_errors, server_errors = f.server_errors, durations = f.durations,
    first_tokens = f.first_tokens
from found f
where r.project = f.project and r.day = f.day and r.dimension = f.dimension and r.value = f.value
    and r.requests = f.requests;
