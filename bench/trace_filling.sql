-- A month of made-up traces of ten spans each, by day: an agent, three calls of models, three tools, three others.

-- name: fill_spans
insert into spans (
    day, project, trace_id, span_id, parent_id, key, name, kind, operation, started_at, duration_us, status,
    status_message, provider, model, request_model, response_id, agent, tool, "user", session, tags, release,
    environment, service, prompt, prompt_version, usage, cost_usd, cost_source, first_token_ms, finish_reasons, flags,
    convention, input, output, system, details, attributes
)
select %(day)s::date, 'default', md5('trace ' || t)::uuid, t * 10 + s, case when s > 0 then t * 10 end, 'k' || t %% 5,
    (array['answer', 'chat', 'chat', 'chat', 'search', 'lookup', 'fetch', 'plan', 'parse', 'reply'])[s + 1],
    (array['agent', 'llm', 'llm', 'llm', 'tool', 'tool', 'tool', 'span', 'span', 'span'])[s + 1], '',
    %(day)s::date + (t - %(first)s) * (interval '1 day' / %(traces)s) + s * interval '100 ms',
    case when s = 0 then 1000000 + t %% 977 * 10000 else 90000 end,
    case when s = 5 and t %% 50 = 0 then 'error' else 'ok' end, '', case when s in (1, 2, 3) then 'openai' else '' end,
    case when s in (1, 2, 3) then 'model-' || t %% 20 else '' end, '', '', '', '', 'u' || t %% 10000,
    's' || t / 4, '{}', 'r' || t / 100000, 'live', 'service-' || t %% 7, '', '',
    case when s in (1, 2, 3) then '{"input": 900, "output": 80}'::jsonb end,
    case when s in (1, 2, 3) then 0.001 + t %% 1000 * 0.00001 end, case when s in (1, 2, 3) then 'priced' else '' end,
    null, '{}', '{}', 'otel', '[{"role": "user", "parts": [{"type": "text", "content": "' || md5(t::text) || '"}]}]',
    '', '', '{}', '{"step": ' || s || '}'
from generate_series(%(first)s::bigint, %(first)s::bigint + %(traces)s - 1) t, generate_series(0, 9) s;

-- name: fill_traces
insert into traces (
    project, trace_id, name, root_started_at, started_at, ended_at, first_day, last_day, spans, calls, errors, "user",
    session, release, environment, service, facets, input, output, cost_usd
)
select 'default', md5('trace ' || t)::uuid, 'answer', begins.at, begins.at,
    begins.at + interval '1 second' + t %% 977 * interval '10 ms', %(day)s, %(day)s, 10, 3, (t %% 50 = 0)::int,
    'u' || t %% 10000, 's' || t / 4, 'r' || t / 100000, 'live', 'service-' || t %% 7,
    array(
        select word from unnest(array[
            'agent:a' || t %% 3, 'environment:live', 'key:k' || t %% 5, 'kind:llm', 'model:model-' || t %% 20,
            'provider:openai', 'release:r' || t / 100000, 'service:service-' || t %% 7,
            case when t %% 50 = 0 then 'status:error' end, 'tag:t' || t %% 1000, 'tool:tool-' || t %% 11
        ]) word
        where word is not null order by word
    ),
    2700, 240, 0.003 + t %% 1000 * 0.00003
from generate_series(%(first)s::bigint, %(first)s::bigint + %(traces)s - 1) t,
    lateral (select %(day)s::date + (t - %(first)s) * (interval '1 day' / %(traces)s)) begins (at);

-- name: fill_words
-- Of calls of models: thirty words each, some in most texts, most in few.
insert into span_words (day, project, trace_id, span_id, words)
select %(day)s, 'default', md5('trace ' || t)::uuid, t * 10 + s, (
    select to_tsvector('simple', string_agg('w' || floor(power(50000, abs(hashint8(t * 1000 + s * 100 + n)) / 2147483648.0)), ' '))
    from generate_series(1, 30) n
)
from generate_series(%(first)s::bigint, %(first)s::bigint + %(traces)s - 1) t, generate_series(1, 3) s;

-- name: fill_rollups
insert into trace_rollups (
    project, slot, dimension, value, traces, spans, calls, errors, input, cache_read, cache_write, output, reasoning,
    cost_usd, unpriced, duration_sketch
)
select 'default', %(day)s::date + hour * interval '1 hour', d.dimension, d.value, 1000, 10000, 3000, 20, 2700000, 0, 0,
    240000, 0, 12.5, 0, array_fill(5, array[120])
from generate_series(0, 23) hour, (
    select '' as dimension, '' as value
    union all select 'model', 'model-' || n from generate_series(0, 19) n
    union all select 'name', 'name-' || n from generate_series(0, 29) n
    union all select 'service', 'service-' || n from generate_series(0, 6) n
    union all select 'environment', 'live'
    union all select 'release', 'r' || n from generate_series(0, 9) n
) d;

-- name: fill_rollup_days
insert into trace_rollup_days (
    project, day, dimension, value, traces, spans, calls, errors, input, cache_read, cache_write, output, reasoning,
    cost_usd, unpriced, duration_sketch
)
select project, %(day)s::date, dimension, value, sum(traces), sum(spans), sum(calls), sum(errors), sum(input), 0, 0,
    sum(output), 0, sum(cost_usd), 0, array_fill(120, array[120])
from trace_rollups where slot >= %(day)s::date and slot < %(day)s::date + 1
group by project, dimension, value;
