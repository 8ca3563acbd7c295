-- A month of made-up requests, by day: twelve keys of four projects, each with two of eight models.

-- name: make_table
-- By itself until it is full: indexes are made at once as it joins the others.
create table [partition] (like requests including defaults);

-- name: join_table
alter table requests attach partition [partition] for values from ('[day]') to ('[next_day]');

-- name: make_sketches
-- From a number of 84 buckets of twelve digits, the lowest first.
create or replace function pg_temp.sketch_of(number numeric) returns integer[] language sql as $$
    select string_to_array(regexp_replace(lpad(number::text, 1008, '0'), '(.{12})(?=.)', '\1,', 'g'), ',')::integer[]
$$;

-- name: fill_requests
insert into [partition] (
    day, id, boot, project, key, "user", session, tags, started_at, duration_ms, first_token_ms, dialect, operation,
    stream, model, target, status, code, message, attempts, excluded, changes, snapshot, release, prompts, trace_id,
    usage, cost_usd, estimated, truncated, record, provider_request_id, environment, response_id, exposures
)
select %(day)s::date, (lpad(to_hex(ms), 12, '0') || '70008' || substr(md5(n::text), 1, 15))::uuid,
    '00000000-0000-7000-8000-000000000000', (array['default', 'default', 'shop', 'rare'])[least(4, k / 3 + 1)],
    'key-' || k, case when n %% 10 > 0 then 'user-' || r %% 5000 else '' end, 'session-' || n / 4,
    array['team:' || k %% 5, 'feature:' || r %% 300], to_timestamp(ms / 1000.0), 200 + r %% 4000 + case when r %% 997 = 0 then 60000 else 0 end,
    100 + r %% 700, 'openai-chat', 'chat', n %% 2 = 0, 'model-' || m, (array['openai', 'anthropic'])[m %% 2 + 1] || '/large-' || m,
    status, case when status = 429 then 'rate_limited' when status = 502 then 'upstream_error' else '' end, '',
    '[{"target": "openai/large", "status": 200, "duration_ms": 700, "outcome": "answered"}]', '[]', '{}', 'abc',
    'release-' || extract(day from %(day)s::date), jsonb_build_array(jsonb_build_object('name', 'app/prompts.py:P' || m, 'version', 'v1')),
    md5(n::text), jsonb_build_object('input', 300 + r %% 900, 'output', 20 + r %% 300), 0.0001 + r %% 1000 * 0.000001,
    r %% 50 = 0, false, 'full', 'upstream-' || n, case when k %% 3 = 0 then 'staging' else 'production' end, 'chatcmpl-' || n,
    case when r %% 20 = 0 then jsonb_build_array(jsonb_build_object(
        'experiment', case when r %% 400 = 0 then 'seldom' else 'smaller' end, 'version', 'v1', 'by', 'user',
        'arm', case when r %% 40 = 0 then 'small' else 'large' end, 'unit', 'user-' || r %% 5000))
        when r %% 20 = 1 and m < 4 then jsonb_build_array(jsonb_build_object(
            'experiment', 'rollout:next', 'version', 'v1', 'by', 'shadow', 'arm', 'candidate', 'unit', md5(n::text)::uuid))
        else '[]' end
from (
    select n, n %% 12 as k, (n %% 12 + abs(hashint8(n)) %% 2) %% 8 as m, abs(hashint8(n * 31 + 7)) as r,
        (extract(epoch from %(day)s::date) * 1000 + (n - %(first)s) * 86400000.0 / %(each)s)::bigint as ms,
        case when abs(hashint8(n + 13)) %% 100 < 2 then 429 when abs(hashint8(n + 13)) %% 1000 < 25 then 502 else 200 end as status
    from generate_series(%(first)s::bigint, %(first)s::bigint + %(each)s - 1) n
) made;

-- name: fill_rollups
insert into rollups (
    slot, dimensions, project, key, target, model, prompt, release, environment, status_class, requests, input,
    cache_read, cache_write, output, reasoning, cost_usd, unpriced, estimated, duration_sketch, first_token_sketch
)
select slot, md5(concat_ws('|', project, key, target, model, prompt, release, environment, class))::uuid, project, key, target, model,
    prompt, release, environment, class, count(*), sum(input), 0, 0, sum(output), 0, sum(cost_usd), 0, count(*) filter (where estimated),
    pg_temp.sketch_of(sum(('1' || repeat('0', 12 * (83 - ceil(ln(duration_ms) / ln(1.15))::int)))::numeric)),
    pg_temp.sketch_of(sum(('1' || repeat('0', 12 * (83 - ceil(ln(first_token_ms) / ln(1.15))::int)))::numeric))
from (
    select date_bin('15 minutes', started_at, '2020-01-01Z') as slot, project, key, target, model, prompts -> 0 ->> 'name' as prompt,
        release, environment, status / 100 as class, (usage -> 'input')::bigint as input, (usage -> 'output')::bigint as output, cost_usd,
        estimated, duration_ms, first_token_ms
    from requests where day = %(day)s::date and project = any(%(project_ids)s)
) r
group by slot, project, key, target, model, prompt, release, environment, class;

-- name: fill_series_sums
select fill_series_sums(%(day)s::timestamp at time zone 'UTC', (%(day)s::date + 1)::timestamp at time zone 'UTC');

-- name: fill_rollup_days
-- The first thousand values of a project and day, as shippers tell apart; the others are one.
insert into rollup_days (
    project, day, dimension, value, requests, input, cache_read, cache_write, output, reasoning, cost_usd, unpriced, estimated,
    measured, client_errors, server_errors, durations, first_tokens
)
select project, day, dimension, case when place <= 1000 then value else 'other' end, count(*), sum(input), 0, 0,
    sum(output), 0, sum(cost_usd), 0, count(*) filter (where estimated), count(*), count(*) filter (where class = 4),
    count(*) filter (where class = 5), sum(('1' || repeat('0', 12 * ceil(ln(duration_ms) / ln(1.15))::int))::numeric),
    sum(('1' || repeat('0', 12 * ceil(ln(first_token_ms) / ln(1.15))::int))::numeric)
from (
    select project, day, dimension, value, (usage -> 'input')::bigint as input, (usage -> 'output')::bigint as output,
        cost_usd, estimated, status / 100 as class, duration_ms, first_token_ms,
        dense_rank() over (partition by project, dimension order by value) as place
    from requests, lateral (
        select 'user', "user" union all select 'tag', unnest(tags)
    ) d (dimension, value)
    where day = %(day)s::date and project = any(%(project_ids)s)
) named
group by 1, 2, 3, 4;

-- name: fill_session_days
insert into session_days (
    project, day, session, "user", requests, input, cache_read, cache_write, output, reasoning, cost_usd, unpriced, estimated
)
select project, day, session, "user", count(*), sum((usage -> 'input')::bigint), 0, 0, sum((usage -> 'output')::bigint), 0,
    sum(cost_usd), 0, count(*) filter (where estimated)
from requests where day = %(day)s::date and project = any(%(project_ids)s)
group by 1, 2, 3, 4;
