-- Requests, bodies, messages and rollups. Every query on requests, request_bodies and messages that answers
-- someone takes project_ids: null for all projects, which only an admin may ask for.

-- name: ensure_partitions
select ensure_partitions(array(
    select d from unnest(%(days)s::date[]) d where d between current_date - 40 and current_date + 8
));

-- name: list_partitions_ahead
select parent, current_date + n
from unnest(partitioned_tables()) parent, generate_series(0, %(days)s::int) n
where to_regclass(parent || '_' || to_char(current_date + n, 'YYYYMMDD')) is null
order by n, parent;

-- name: ensure_partition
select ensure_partition(%(parent)s, %(day)s);

-- name: resolve_releases
-- What calls assert of their release, as the ids of the releases that it means; those of none are left out.
select a.project, a.wanted, found.id
from unnest(%(projects)s::text[], %(wanted)s::text[]) as a (project, wanted),
    lateral resolve_release(a.project, a.wanted) as found (id)
where found.id is not null;

-- name: close_calls
delete from open_calls where id = any(%(ids)s);

-- name: copy_requests
copy requests (
    day, id, boot, project, key, "user", session, tags, started_at, duration_ms,
    first_token_ms, dialect, operation, stream, model, target, status, code, message,
    attempts, excluded, changes, snapshot, release, trace_id, usage, cost_usd,
    estimated, truncated, label_regions, record, provider_request_id, label_readers, label_purposes,
    prompts, overrides, environment, parameters, parent_span_id, response_id, exposures,
    finish, tool_calls, served_model, steps
) from stdin;

-- name: open_call
insert into open_calls as o (
    id, boot, attempt, started_at, target, project, key, "user", model, tags, reserved_usd, charged_usd, is_open,
    session, trace_id, parent_span_id, exposures
) values (
    %(id)s, %(boot)s, %(attempt)s, %(started_at)s, %(target)s, %(project)s, %(key)s, %(user)s, %(model)s,
    %(tags)s, %(reserved_usd)s, %(charged_usd)s, %(is_open)s, %(session)s, %(trace_id)s, %(parent_span_id)s,
    %(exposures)s::jsonb
)
on conflict (id) do update
set attempt = excluded.attempt, started_at = least(o.started_at, excluded.started_at), target = excluded.target,
    project = excluded.project, key = excluded.key, "user" = excluded."user", model = excluded.model,
    tags = excluded.tags, session = excluded.session, trace_id = excluded.trace_id,
    parent_span_id = excluded.parent_span_id, exposures = excluded.exposures, reserved_usd = excluded.reserved_usd,
    charged_usd = o.charged_usd + excluded.charged_usd
        + case when o.is_open and %(begins)s then o.reserved_usd else 0 end,
    is_open = excluded.is_open;

-- name: settle_call
-- A call of which no begin is known, since a disk has lost it, is kept as attempt 0 until its next one.
insert into open_calls as o (
    id, boot, attempt, started_at, target, project, key, "user", model, tags, reserved_usd, charged_usd, is_open
) values (%(id)s, %(boot)s, 0, clock_timestamp(), '', '', '', '', '', '{}', 0, %(charged_usd)s, %(is_open)s)
on conflict (id) do update set charged_usd = o.charged_usd + excluded.charged_usd, is_open = excluded.is_open;

-- name: boot_open_calls
select id, started_at, (extract(epoch from clock_timestamp() - started_at) * 1000)::bigint, target, project, key,
    "user", model, tags, session, trace_id, parent_span_id, reserved_usd::text, charged_usd::text, is_open, exposures::text,
    attempt > 0
from open_calls where boot = %(boot)s order by id;

-- name: list_open_calls
select id, started_at, project, key, "user", model, target, attempt, tags, reserved_usd::text
from open_calls
where attempt > 0
    and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and (%(key)s::text is null or key = %(key)s)
order by started_at desc, id desc limit %(limit)s;

-- part: sums_added
requests = s.requests + excluded.requests,
    input = s.input + excluded.input,
    cache_read = s.cache_read + excluded.cache_read,
    cache_write = s.cache_write + excluded.cache_write,
    output = s.output + excluded.output,
    reasoning = s.reasoning + excluded.reasoning,
    cost_usd = s.cost_usd + excluded.cost_usd,
    unpriced = s.unpriced + excluded.unpriced,
    estimated = s.estimated + excluded.estimated

-- name: add_rollup
insert into rollups as s (
    slot, dimensions, project, key, target, model, prompt, release, environment, status_class, requests, input,
    cache_read, cache_write, output, reasoning, cost_usd, unpriced, estimated, duration_sketch, first_token_sketch
) values (
    %(slot)s, %(dimensions)s, %(project)s, %(key)s, %(target)s, %(model)s, %(prompt)s, %(release)s,
    %(environment)s, %(status_class)s, %(requests)s, %(input)s, %(cache_read)s, %(cache_write)s, %(output)s,
    %(reasoning)s, %(cost_usd)s::numeric, %(unpriced)s, %(estimated)s, %(duration_sketch)s::int[],
    %(first_token_sketch)s::int[]
)
on conflict (slot, dimensions) do update set
    [sums_added],
    duration_sketch = add_sketches(s.duration_sketch, excluded.duration_sketch),
    first_token_sketch = add_sketches(s.first_token_sketch, excluded.first_token_sketch);

-- part: added_up
on conflict (dimension, step_s, project, at, value, status_class) do update set
    [sums_added],
    durations = s.durations + excluded.durations,
    first_tokens = s.first_tokens + excluded.first_tokens;

-- name: add_series_sums
insert into series_sums as s (
    dimension, step_s, project, at, value, status_class, requests, input, cache_read, cache_write, output, reasoning,
    cost_usd, unpriced, estimated, durations, first_tokens
)
select * from json_to_recordset(%(rows)s::json) as n (
    dimension text, step_s integer, project text, at timestamptz, value text, status_class integer, requests bigint,
    input bigint, cache_read bigint, cache_write bigint, output bigint, reasoning bigint, cost_usd numeric,
    unpriced bigint, estimated bigint, durations numeric, first_tokens numeric
)
order by dimension, step_s, project, at, value, status_class
[added_up];

-- name: forget_series_sums
delete from series_sums s
using json_to_recordset(%(rows)s::json) as n (
    dimension text, step_s integer, project text, at timestamptz, value text, status_class integer
)
where s.dimension = n.dimension and s.step_s = n.step_s and s.project = n.project and s.at = n.at
    and s.value = n.value and s.status_class = n.status_class and s.project = any(%(project_ids)s::text[])
    and s.requests = 0;

-- name: known_values
-- How many values each project, day and dimension asked for has, and which of those asked for are among them.
with asked as (
    select * from unnest(
        %(projects)s::text[], %(days)s::date[], %(dimensions)s::text[], %(values)s::text[]
    ) a (project, day, dimension, value)
), counted as (
    select g.project, g.day, g.dimension, (
        select count(*) from rollup_days d
        where d.project = g.project and d.day = g.day and d.dimension = g.dimension
    ) as count
    from (select distinct project, day, dimension from asked) g
)
select c.project, c.day, c.dimension, d.value, c.count
from asked a
join counted c using (project, day, dimension)
left join rollup_days d on d.project = a.project and d.day = a.day and d.dimension = a.dimension
    and d.value = a.value;

-- name: add_rollup_days
insert into rollup_days as s (
    project, day, dimension, value, requests, input, cache_read, cache_write, output, reasoning, cost_usd, unpriced,
    estimated, measured, client_errors, server_errors, durations, first_tokens
)
select * from json_to_recordset(%(rows)s::json) as n (
    project text, day date, dimension text, value text, requests bigint, input bigint, cache_read bigint,
    cache_write bigint, output bigint, reasoning bigint, cost_usd numeric, unpriced bigint, estimated bigint,
    measured bigint, client_errors bigint, server_errors bigint, durations numeric, first_tokens numeric
)
order by project, day, dimension, value
on conflict (project, day, dimension, value) do update set
    [sums_added],
    measured = s.measured + excluded.measured,
    client_errors = s.client_errors + excluded.client_errors,
    server_errors = s.server_errors + excluded.server_errors,
    durations = s.durations + excluded.durations,
    first_tokens = s.first_tokens + excluded.first_tokens;

-- name: add_session_days
insert into session_days as s (
    project, day, session, "user", requests, input, cache_read, cache_write, output, reasoning, cost_usd, unpriced,
    estimated
)
select * from json_to_recordset(%(rows)s::json) as n (
    project text, day date, session text, "user" text, requests bigint, input bigint, cache_read bigint,
    cache_write bigint, output bigint, reasoning bigint, cost_usd numeric, unpriced bigint, estimated bigint
)
order by project, day, session, "user"
on conflict (project, day, session, "user") do update set
    [sums_added];

-- name: get_secrets
select project, secret from project_secrets where project = any(%(projects)s);

-- name: add_secrets
insert into project_secrets (project, secret)
select * from unnest(%(projects)s::text[], %(secrets)b::bytea[]) on conflict do nothing;

-- name: add_messages
insert into messages (project, day, hmac, body, label)
select * from unnest(
    %(projects)s::text[], %(days)s::date[], %(hmacs)b::bytea[], %(bodies)b::bytea[], %(labels)s::text[]
)
on conflict do nothing;

-- name: copy_bodies
copy request_bodies (
    day, id, project, request_raw, request_messages, response, request_digest, response_digest, request_length,
    response_length, response_content_type, parameters
) from stdin (format binary);

-- name: get_body
select project, request_raw, request_messages, response, request_digest, response_digest, request_length,
    response_length, response_content_type, parameters::text
from request_bodies
where day = %(day)s and id = %(id)s
    and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]));

-- name: copy_match_queue
copy match_queue (project, day, id) from stdin (format binary);

-- name: get_request_bodies
select id, request_raw, request_messages from request_bodies
where day = any(%(days)s) and id = any(%(ids)s) and project = %(project)s
    and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]));

-- name: get_messages
select hmac, body from messages
where project = %(project)s and day = %(day)s and hmac = any(%(hmacs)b::bytea[])
    and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]));

-- part: is_shadow
r.exposures @> '[{"by": "shadow"}]'

-- part: matching
-- What filters ask of a request `r`, beside projects.
    and (%(project)s::text is null or r.project = %(project)s)
    and (%(begin)s::timestamptz is null or (
        r.started_at >= %(begin)s and r.day >= (%(begin)s::timestamptz at time zone 'UTC')::date - 1
    ))
    and (%(end)s::timestamptz is null or (
        r.started_at < %(end)s and r.day <= (%(end)s::timestamptz at time zone 'UTC')::date + 1
    ))
    and (%(key)s::text is null or r.key = %(key)s)
    and (%(user)s::text is null or r."user" = %(user)s)
    and (%(session)s::text is null or r.session = %(session)s)
    and (%(trace_id)s::text is null or r.trace_id = %(trace_id)s)
    and (%(response_id)s::text is null or (r.response_id = %(response_id)s and r.response_id <> ''))
    -- The index `requests_words` finds them. Asking twice makes rare ones seem rarer still, which is the
    -- safe side: what many match is found by time at once, whatever is thought of it.
    and (%(words)s::text[] is null or array[
        'model:' || left(r.model, 200), 'target:' || left(r.target, 200),
        'target:' || left(split_part(r.target, '/', 1), 200), 'code:' || r.code
    ] @> %(words)s::text[])
    and (%(model)s::text is null or r.model = %(model)s)
    and (%(target)s::text is null or r.target = %(target)s or r.target like %(targets)s)
    and (%(status_min)s::int is null or r.status between %(status_min)s and %(status_max)s::int)
    and (%(code)s::text is null or (r.code = %(code)s and r.code <> ''))
    and (%(finish)s::text is null or r.finish = %(finish)s)
    and (%(environment)s::text is null or r.environment = %(environment)s)
    and (%(release)s::text is null or r.release = %(release)s)
    and (%(releases)s::text[] is null or r.release = any(%(releases)s::text[]))
    and (%(prompt)s::text is null or (%(prompt)s = '' and r.prompts = '[]')
        or r.prompts @> jsonb_build_array(jsonb_build_object('name', %(prompt)s::text)))
    -- Versions of prompts in code are texts, those of managed prompts numbers.
    and (%(prompt_version)s::text is null
        or r.prompts @> jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
            'name', %(prompt)s::text, 'version', %(prompt_version)s::text)))
        or (%(prompt_version)s ~ '^[0-9]{1,9}$' and r.prompts @> jsonb_build_array(jsonb_strip_nulls(
            jsonb_build_object('name', %(prompt)s::text, 'version', %(prompt_version)s::numeric)))))
    and (%(price)s::text is null or (%(price)s = 'unknown') = (r.cost_usd is null))
    and (%(tag)s::text is null or (%(tag)s = '' and r.tags = '{}') or r.tags @> array[%(tag)s::text])
    and (%(exposure)s::text is null or r.exposures @? %(exposure)s::text::jsonpath)
    -- Apart, so that shadows are read from their own index where they alone are asked for.
    and (%(shadow)s::bool is not true or [is_shadow])
    and (%(shadow)s::bool is not false or not [is_shadow])
    and (%(picked)s::uuid[] is null or (
        r.id = any(%(picked)s::uuid[]) and r.day = any(%(picked_days)s::date[])
    ))
    and (%(min_duration_ms)s::bigint is null or r.duration_ms >= %(min_duration_ms)s::bigint)
    and (%(patterns)s::text[] is null or exists (
        select from request_bodies b
        where b.day = r.day and b.id = r.id and b.project = r.project
            and (%(project_ids)s::text[] is null or b.project = any(%(project_ids)s::text[])) and (
            text_of(b.response) ilike any(%(patterns)s::text[])
            or exists (select from unnest(b.request_raw) raw where text_of(raw) ilike any(%(patterns)s::text[]))
            or exists (
                select from messages m
                where m.project = r.project and m.day = r.day and m.hmac = any(b.request_messages)
                    and text_of(m.body) ilike any(%(patterns)s::text[])
            )
        )
    ));

-- name: list_requests
-- Newest first. Days first, so that partitions are read one after the other and only as many as it takes. What
-- filled the holes of prompts is as long as messages are, and shows with the one request alone.
select r.id, r.trace_id, r.started_at, r.project, r.key, r."user", r.session, r.tags, r.dialect, r.operation,
    r.stream, r.model, r.target, r.status, r.code, jsonb_array_length(r.attempts), r.duration_ms,
    r.first_token_ms, r.usage::text, r.cost_usd, r.estimated, r.truncated, r.changes, r.snapshot, r.release,
    coalesce((
        select jsonb_agg(each - 'values' order by place)
        from jsonb_array_elements(r.prompts) with ordinality as prompts (each, place)
    ), '[]')::text, r.environment, [is_shadow]
from requests r
where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
    and (%(before_id)s::uuid is null or (
        r.day <= %(before_day)s::date and (r.day, r.id) < (%(before_day)s::date, %(before_id)s::uuid)
    ))
    [matching]
order by r.day desc, r.id desc limit %(limit)s;

-- name: count_requests
-- The newest that match, by step and class of the status, and since when: as many as may be looked at.
select floor(extract(epoch from n.started_at) / %(step_s)s)::bigint as step, n.status / 100 as status_class, count(*),
    min(n.started_at)
from (
    select r.started_at, r.status
    from requests r
    where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
    [matching]
    order by r.day desc, r.id desc limit %(limit)s
) n
group by 1, 2;

-- name: series_of_calls
-- The newest that match, as charts show them: as many as may be looked at, how many these are, and since when. All but
-- the largest groups are one, whose name is null; a call with two tags counts under both.
with matched as materialized (
    select r.started_at, r.status, r.cost_usd, r.estimated, r.duration_ms, r.first_token_ms, r.tags,
        case %(group_by)s::text
            when 'project' then r.project when 'model' then r.model when 'target' then r.target
            when 'prompt' then coalesce(r.prompts -> 0 ->> 'name', '') when 'release' then r.release
            when 'key' then r.key when 'user' then r."user" when 'environment' then r.environment
            when 'provider' then split_part(r.target, '/', 1)
        end as value
    from requests r
    where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
    [matching]
    order by r.day desc, r.id desc limit %(limit)s
), chosen as (
    select m.*, m.value as name from matched m where %(group_by)s::text is distinct from 'tag'
    union all
    select m.*, t.tag from matched m cross join lateral (
        select distinct tag from unnest(m.tags) tag where not starts_with(tag, 'run:')
    ) t
    where %(group_by)s::text = 'tag'
), largest as (
    select name from chosen group by name order by count(*) desc, name limit %(groups_max)s
), buckets as (
    select floor(extract(epoch from started_at) / %(step_s)s)::bigint as step, l.name, status / 100 as status_class,
        case when duration_ms <= 1 then 0 else least(%(bucket_max)s, ceil(ln(duration_ms) / ln(%(growth)s)))::int end
            as duration,
        case when first_token_ms is null then null when first_token_ms <= 1 then 0
            else least(%(bucket_max)s, ceil(ln(first_token_ms) / ln(%(growth)s)))::int end as first_token,
        count(*) as requests, sum(cost_usd) as cost_usd, count(*) filter (where cost_usd is null) as unpriced,
        count(*) filter (where estimated) as estimated
    from chosen c left join largest l on l.name = c.name
    group by 1, 2, 3, 4, 5
)
-- Where none of them is of any group, how many they are is said all the same, by a row without a step.
select b.*, n.calls, n.since from (
    select count(*) as calls, min(started_at) as since from matched
) n left join buckets b on true;

-- name: count_some
-- How many match, of as many as may be looked at.
select count(*) from (
    select from requests r
    where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
    [matching]
    limit %(limit)s
) found;

-- name: neighbours
-- The calls of the same session, or user, right before (false) and right after (true).
(
    select false, r.id, r.started_at, r.status
    from requests r
    where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
        and (%(key)s::text is null or r.key = %(key)s) and r.project = %(project)s
        and (%(session)s::text is null or r.session = %(session)s) and (%(user)s::text is null or r."user" = %(user)s)
        and r.day between %(first_day)s::date and %(day)s::date and (r.day, r.id) < (%(day)s::date, %(id)s::uuid)
        and not [is_shadow]
    order by r.day desc, r.id desc limit 1
)
union all
(
    select true, r.id, r.started_at, r.status
    from requests r
    where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
        and (%(key)s::text is null or r.key = %(key)s) and r.project = %(project)s
        and (%(session)s::text is null or r.session = %(session)s) and (%(user)s::text is null or r."user" = %(user)s)
        and r.day between %(day)s::date and %(last_day)s::date and (r.day, r.id) > (%(day)s::date, %(id)s::uuid)
        and not [is_shadow]
    order by r.day, r.id limit 1
);

-- name: facets_of_calls
-- What the newest that match have in common, or (`coded`) the newest of them that ended with a code; the row without a
-- facet says how many they are, and since when. What is not counted is not read: the index `requests_coded` has the
-- rest of those with a code.
with matched as materialized (
    select r.started_at, r.status, r.code, r.environment, r.key,
        case when 'model' = any(%(facets)s::text[]) then r.model end as model,
        case when 'target' = any(%(facets)s::text[]) then r.target end as target,
        case when 'release' = any(%(facets)s::text[]) then r.release end as release,
        case when 'user' = any(%(facets)s::text[]) then r."user" end as "user",
        case when 'tag' = any(%(facets)s::text[]) then r.tags end as tags,
        case when 'prompt' = any(%(facets)s::text[]) then r.prompts end as prompts
    from requests r
    where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
        and (%(coded)s::bool is not true or r.code <> '')
    [matching]
    order by r.day desc, r.id desc limit %(limit)s
), named (facet, value) as (
    select f.facet, f.value
    from matched m cross join lateral (values
        ('status', case when m.status < 400 then 'ok' else m.status / 100 || 'xx' end), ('code', m.code),
        ('model', m.model), ('target', m.target), ('release', m.release), ('environment', m.environment), ('key', m.key),
        ('user', m."user")
    ) f (facet, value)
    where f.facet = any(%(facets)s::text[]) and (f.facet <> 'code' or f.value <> '')
    union all
    select 'prompt', p.name
    from matched m cross join lateral (
        select distinct coalesce(each ->> 'name', '')
        from jsonb_array_elements(case m.prompts when '[]' then '[{}]' else m.prompts end) each
    ) p (name)
    where 'prompt' = any(%(facets)s::text[])
    union all
    select 'tag', t.tag
    from matched m cross join lateral (
        select distinct tag from unnest(case m.tags when '{}' then array[''] else m.tags end) tag
    ) t
    where 'tag' = any(%(facets)s::text[]) and not starts_with(t.tag, 'run:')
)
select facet, value, count(*), null::timestamptz from named group by 1, 2
union all select '', '', count(*), min(started_at) from matched;

-- name: look_no_longer
select set_config('statement_timeout', %(milliseconds)s::text, true);

-- name: calls_of_unknown
-- The newest calls that hold a message of a group which no prompt explains.
select request from unknown_calls
where id = %(unknown)s and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and (%(first_day)s::date is null or day >= %(first_day)s)
    and (%(last_day)s::date is null or day <= %(last_day)s)
order by day desc, request desc limit %(limit)s;

-- name: calls_alike
-- Of the calls of a call's model next to it, those whose body is the same, or the first message of it that is kept apart.
with mine as materialized (
    select r.project, r.model, b.request_raw, b.request_messages as said
    from requests r
    join request_bodies b on b.day = r.day and b.id = r.id and b.project = r.project
    where r.day = %(of_day)s::date and r.id = %(of)s::uuid
        and (%(key)s::text is null or r.key = %(key)s)
        and (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
), near as materialized (
    (
        select r.day, r.id from requests r join mine on r.project = mine.project and r.model = mine.model
        where r.day between %(of_day)s::date - 1 and %(of_day)s::date
            and (r.day, r.id) <= (%(of_day)s::date, %(of)s::uuid)
            and (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
        order by r.day desc, r.id desc limit %(looked)s
    )
    union all
    (
        select r.day, r.id from requests r join mine on r.project = mine.project and r.model = mine.model
        where r.day between %(of_day)s::date and %(of_day)s::date + 1
            and (r.day, r.id) > (%(of_day)s::date, %(of)s::uuid)
            and (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
        order by r.day, r.id limit %(looked)s
    )
)
select near.id
from mine
cross join near
join request_bodies b on b.day = near.day and b.id = near.id and b.project = mine.project
where (%(project_ids)s::text[] is null or b.project = any(%(project_ids)s::text[]))
    and case when %(is_whole)s then b.request_messages = mine.said and b.request_raw = mine.request_raw
        else b.request_messages[1] = mine.said[1] end;

-- name: calls_by_beginning
-- The newest calls whose id begins so: a range of the primary key.
select r.id
from requests r
where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
    and (%(first_day)s::date is null or r.day >= %(first_day)s)
    and (%(last_day)s::date is null or r.day <= %(last_day)s)
    and r.day between %(low_day)s::date and %(high_day)s::date and r.id between %(low)s::uuid and %(high)s::uuid
order by r.day desc, r.id desc limit %(limit)s;

-- name: calls_by_end
-- The newest calls whose id ends so, and begins so where that is known: found by the index of ends, then put in order,
-- for who looks for them in order looks at all.
with found as materialized (
    select r.day, r.id
    from requests r
    where (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
        and (%(first_day)s::date is null or r.day >= %(first_day)s)
        and (%(last_day)s::date is null or r.day <= %(last_day)s)
        and reverse(right(r.id::text, 12)) collate "C" >= %(end)s
        and reverse(right(r.id::text, 12)) collate "C" < %(end_after)s
        and (%(low)s::uuid is null or (
            r.day between %(low_day)s::date and %(high_day)s::date and r.id between %(low)s::uuid and %(high)s::uuid
        ))
)
select id from found order by day desc, id desc limit %(limit)s;

-- name: calls_crossed
-- The newest calls of an arm's units that another arm served.
select c.request
from experiments x
join experiment_units u on u.version = x.version and u.crossed > 0
join experiment_calls c on c.version = u.version and c.project = u.project and c.unit = u.unit
where (x.name = %(experiment)s or x.version = %(experiment)s) and u.arm = %(arm)s and c.arm <> u.arm
    and (%(project_ids)s::text[] is null or u.project = any(%(project_ids)s::text[]))
order by c.request desc limit %(limit)s;

-- name: find_releases
-- The ids of releases that a filter means.
select l.id from releases l
where (%(project_ids)s::text[] is null or l.project = any(%(project_ids)s::text[]))
    and (l.name = %(release)s or l.commit = %(release)s or (length(%(release)s) >= 6
        and (starts_with(l.id, %(release)s) or starts_with(l.commit, %(release)s))));

-- name: get_request
select r.id, r.trace_id, r.started_at, r.project, r.key, r."user", r.session, r.tags, r.dialect, r.operation,
    r.stream, r.model, r.target, r.status, r.code, r.message, r.attempts::text, r.excluded::text, r.duration_ms,
    r.first_token_ms, r.usage::text, r.cost_usd, r.estimated, r.truncated, r.changes, r.snapshot, r.release,
    r.prompts::text, r.record, r.label_regions, r.provider_request_id, r.label_readers, r.label_purposes,
    r.overrides::text, r.environment, r.parameters::text, r.parent_span_id, r.response_id,
    r.exposures::text, r.finish, r.tool_calls, r.served_model, [is_shadow], r.steps
from requests r
where r.day = %(day)s and r.id = %(id)s
    and (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[]))
    and (%(key)s::text is null or r.key = %(key)s);

-- name: get_code_settings
-- The parameters that are hard-coded in the sources of prompts that a call was made of.
select source, kind, (settings -> 'parameters')::text
from catalogue_sources
where project = %(project)s and source = any(%(sources)s::text[])
    and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]));

-- name: get_recorded
select r.day, r.id, r.started_at, r.project, r.key, r."user", r.dialect, r.operation, r.model, r.target, r.status,
    r.duration_ms, r.first_token_ms, r.usage::text, r.cost_usd::text, r.estimated, r.truncated, r.release,
    r.environment, r.prompts::text
from requests r
join unnest(%(days)s::date[], %(ids)s::uuid[]) as wanted (day, id) on r.day = wanted.day and r.id = wanted.id
where r.project = any(%(project_ids)s::text[]);

-- name: set_prompts
update requests set prompts = %(prompts)s::jsonb
where day = %(day)s and id = %(id)s and project = any(%(project_ids)s::text[]);

-- name: counted_slots
-- How many calls stand in rows of sums.
select r.slot, r.dimensions, r.requests
from rollups r
join unnest(%(slots)s::timestamptz[], %(digests)s::uuid[]) as asked (slot, dimensions)
    on r.slot = asked.slot and r.dimensions = asked.dimensions
where r.project = any(%(project_ids)s::text[]);

-- name: add_missing_environments
-- Versions before sums by environment write all other sums. What they lack is of calls that count under none.
insert into series_sums as s (
    dimension, step_s, project, at, value, status_class, requests, input, cache_read, cache_write, output, reasoning,
    cost_usd, unpriced, estimated, durations, first_tokens
)
select 'environment', step_s, project, at, '', status_class, sum(n * requests), sum(n * input), sum(n * cache_read),
    sum(n * cache_write), sum(n * output), sum(n * reasoning), sum(n * cost_usd), sum(n * unpriced),
    sum(n * estimated), sum(n * durations), sum(n * first_tokens)
from (select *, case dimension when '' then 1 else -1 end as n from series_sums) each
where dimension in ('', 'environment') and step_s in (3600, 86400) and project = any(%(project_ids)s::text[])
    and at >= current_date - %(days)s::int
group by step_s, project, at, status_class
having sum(n * requests) <> 0
[added_up];

-- name: forget_slot
delete from rollups
where slot = %(slot)s and dimensions = %(dimensions)s and project = any(%(project_ids)s::text[]) and requests = 0;

-- name: list_partitions
select child.relname
from pg_inherits
join pg_class child on child.oid = inhrelid
where inhparent = any(array[
    'requests'::regclass, 'request_bodies'::regclass, 'messages'::regclass, 'spans'::regclass, 'span_words'::regclass,
    'span_events'::regclass
])
order by child.relname;

-- name: database_day
select current_date;

-- name: expire_requests
delete from requests where project = any(%(project_ids)s) and day < %(day)s;

-- name: expire_bodies
delete from request_bodies where project = any(%(project_ids)s) and day < %(day)s;

-- name: expire_messages
delete from messages where project = any(%(project_ids)s) and day < %(day)s;

-- name: expire_rollup_days
delete from rollup_days where project = any(%(project_ids)s) and day < %(day)s;

-- name: expire_session_days
delete from session_days where project = any(%(project_ids)s) and day < %(day)s;

-- name: expire_match_queue
delete from match_queue where project = any(%(project_ids)s) and day < %(day)s;

-- name: expire_unknown_prompts
-- An example is somebody's message, and goes with the day that it is of.
with gone as (
    delete from unknown_prompts
    where project = any(%(project_ids)s) and (last_seen at time zone 'UTC')::date < %(day)s
)
update unknown_prompts set example = ''
where project = any(%(project_ids)s) and example_day < %(day)s and example <> ''
    and (last_seen at time zone 'UTC')::date >= %(day)s;

-- name: expire_unknown_calls
delete from unknown_calls where project = any(%(project_ids)s) and day < %(day)s;

-- name: expire_unknown_days
delete from unknown_days where project = any(%(project_ids)s) and day < %(day)s;

-- name: list_record_projects
select distinct project from rollup_days order by project;

-- name: count_default_rows
select (select count(*) from requests_default) + (select count(*) from request_bodies_default)
    + (select count(*) from messages_default) + (select count(*) from spans_default)
    + (select count(*) from span_events_default);
