-- Calls on their way to collectors. Questions on requests take project_ids: those that the exporter is for.

-- name: put_exporter
insert into exporters (name, signal, settings, projects, wants_content)
values (%(name)s, %(signal)s, %(settings)s::jsonb, %(projects)s::text[], %(wants_content)s)
on conflict (name, signal) do update set
    settings = excluded.settings, projects = excluded.projects, wants_content = excluded.wants_content,
    is_active = true, retry_at = null
where (exporters.settings, exporters.is_active) is distinct from (excluded.settings, true);

-- name: retire_exporters
update exporters set is_active = false
where is_active and not (name || ' ' || signal) = any(%(kept)s::text[]);

-- name: any_exporter
select exists (select from exporters where is_active);

-- name: enqueue
insert into exports (exporter, signal, day, id, due_at)
select e.name, e.signal, c.day, c.id, clock_timestamp()
from unnest(%(days)s::date[], %(ids)s::uuid[], %(projects)s::text[]) as c (day, id, project)
join exporters e on e.is_active and (e.projects is null or c.project = any(e.projects))
on conflict do nothing;

-- name: open_calls_of
select id, started_at, project from open_calls
where boot = %(boot)s and attempt > 0
    and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]));

-- name: due_exporters
select name, signal, settings::text from exporters
where is_active and (%(even_later)s or retry_at is null or retry_at <= clock_timestamp())
order by name, signal;

-- name: claim
-- Content is recorded beside the call, and may come later.
with due as (
    select exporter, signal, day, id from exports e
    where exporter = %(exporter)s and signal = %(signal)s and due_at <= clock_timestamp() and (
        not %(wants_body)s or queued_at < clock_timestamp() - make_interval(secs => %(body_s)s)
        or exists (select from request_bodies b where b.day = e.day and b.id = e.id
            and (%(project_ids)s::text[] is null or b.project = any(%(project_ids)s::text[])))
        or not exists (select from requests r where r.day = e.day and r.id = e.id and r.record = 'full'
            and (%(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[])))
    )
    order by due_at limit %(limit)s for update skip locked
)
update exports e set due_at = clock_timestamp() + make_interval(secs => %(claim_s)s)
from due
where e.exporter = due.exporter and e.signal = due.signal and e.day = due.day and e.id = due.id
returning e.day, e.id;

-- name: load_calls
select r.id, r.project, r.key, r."user", r.session, r.tags, r.trace_id, r.parent_span_id, r.response_id,
    r.started_at, r.duration_ms, r.first_token_ms, r.dialect, r.operation, r.stream, r.model, r.target,
    r.status, r.code, r.message, r.attempts::text, r.truncated, r.estimated, r.release, r.environment,
    r.usage::text, r.cost_usd::text, r.label_regions, r.label_readers, r.label_purposes, r.record,
    coalesce(b.parameters, r.parameters)::text, r.prompts::text, r.exposures::text, r.finish, r.served_model
from unnest(%(days)s::date[], %(ids)s::uuid[]) as wanted (day, id)
join requests r on r.day = wanted.day and r.id = wanted.id
left join request_bodies b on b.day = r.day and b.id = r.id and b.project = r.project
where %(project_ids)s::text[] is null or r.project = any(%(project_ids)s::text[])
order by r.day, r.id;

-- name: done
delete from exports e
using unnest(%(days)s::date[], %(ids)s::uuid[]) as gone (day, id)
where e.exporter = %(exporter)s and e.signal = %(signal)s and e.day = gone.day and e.id = gone.id;

-- name: again
update exports e set due_at = clock_timestamp()
from unnest(%(days)s::date[], %(ids)s::uuid[]) as back (day, id)
where e.exporter = %(exporter)s and e.signal = %(signal)s and e.day = back.day and e.id = back.id;

-- name: note_sent
update exporters set
    sent = sent + %(sent)s, rejected = rejected + %(rejected)s, withheld = withheld + %(withheld)s,
    failures = case when %(sent)s > 0 then 0 else failures end,
    last_error = case when %(error)s <> '' then %(error)s when %(sent)s > 0 then '' else last_error end,
    last_sent_at = case when %(sent)s > 0 then clock_timestamp() else last_sent_at end
where name = %(exporter)s and signal = %(signal)s;

-- name: note_failed
update exporters set
    failures = failures + 1, last_error = %(error)s,
    retry_at = clock_timestamp() + make_interval(secs => %(wait_s)s)
where name = %(exporter)s and signal = %(signal)s
returning failures;

-- name: failures_of
select failures from exporters where name = %(exporter)s and signal = %(signal)s;

-- name: drop_old
-- What has waited for too long, and the oldest where too much waits.
with gone as (
    delete from exports
    where exporter = %(exporter)s and signal = %(signal)s
        and (queued_at < clock_timestamp() - make_interval(secs => %(age_s)s) or queued_at <= (
            select queued_at from exports
            where exporter = %(exporter)s and signal = %(signal)s
            order by queued_at desc offset %(waiting_max)s limit 1
        ))
    returning 1
)
update exporters set dropped = dropped + (select count(*) from gone)
where name = %(exporter)s and signal = %(signal)s and exists (select from gone)
returning (select count(*) from gone);

-- name: drop_retired
delete from exports x where not exists (
    select from exporters e where e.name = x.exporter and e.signal = x.signal and e.is_active
);

-- name: note_alerted
-- At most one alert an hour.
update exporters set alerted_at = clock_timestamp()
where name = %(exporter)s and signal = %(signal)s
    and (alerted_at is null or alerted_at < clock_timestamp() - interval '1 hour')
returning name;

-- name: exporter_states
select name, signal, failures, last_error, last_sent_at, sent, rejected, dropped, withheld,
    (select count(*) from (
        select from exports x where x.exporter = e.name and x.signal = e.signal limit %(count_max)s
    ) counted) as waiting
from exporters e where is_active order by name, signal;
