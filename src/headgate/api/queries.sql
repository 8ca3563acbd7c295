-- name: add_alerts
-- Alerts and their deliveries, in one statement, so that none is without the other.
with added as (
    insert into alerts (at, kind, subject, project, message)
    select a.at, a.kind, a.subject, a.project, a.message
    from unnest(
        %(at)s::timestamptz[], %(kind)s::text[], %(subject)s::text[], %(project)s::text[], %(message)s::text[]
    ) with ordinality as a (at, kind, subject, project, message, place)
    order by a.place
    returning id, kind
)
insert into webhook_deliveries (alert, webhook)
select added.id, w.id from added
join webhooks w on w.kinds is null or added.kind = any(w.kinds)

-- name: list_alerts
select a.id, a.at, a.kind, a.subject, a.project, a.message,
    coalesce((
        select jsonb_agg(jsonb_build_object(
            'webhook', d.webhook, 'attempts', d.attempts, 'delivered', d.delivered_at is not null,
            'given_up', d.given_up_at is not null, 'last_error', d.last_error
        ) order by d.webhook)
        from webhook_deliveries d where d.alert = a.id
    ), '[]') as deliveries
from alerts a
where (%(project_ids)s::text[] is null or a.project = any(%(project_ids)s::text[]))
    and (%(before)s::bigint is null or a.id < %(before)s::bigint)
    and (%(kind)s::text is null or a.kind = %(kind)s::text)
order by a.id desc
limit %(limit)s

-- name: forget_alerts
delete from alerts where at < clock_timestamp() - make_interval(days => %(days)s)

-- name: list_webhooks
select id, url, kinds, created_at, created_by from webhooks
where %(after)s::text is null or id > %(after)s::text
order by id
limit %(limit)s

-- name: lock_webhooks
select pg_advisory_xact_lock(4400030)

-- name: count_webhooks
select count(*) as webhooks from webhooks

-- name: add_webhook
insert into webhooks (id, url, secret, kinds, created_by)
values (%(id)s, %(url)s, %(secret)s, %(kinds)s, %(created_by)s)
returning id, url, kinds, created_at, created_by

-- name: plain_webhooks
-- Locked, so that of several control processes one seals.
select id, secret from webhooks where not starts_with(secret, 'sealed:') order by id for update

-- name: seal_webhook
update webhooks set secret = %(secret)s where id = %(id)s

-- name: delete_webhook
delete from webhooks where id = %(id)s returning id

-- name: take_deliveries
-- Claimed for as long as an attempt may take: a control process that dies in between delays, never loses.
-- What another host's key has sealed is left to that host, unless it stays away.
update webhook_deliveries d
set attempts = d.attempts + 1,
    due_at = clock_timestamp() + make_interval(secs => %(claim_s)s)
from (
    select q.alert, q.webhook from webhook_deliveries q
    join webhooks s on s.id = q.webhook
    where q.delivered_at is null and q.given_up_at is null
        and q.due_at <= clock_timestamp() - make_interval(secs => case
            when starts_with(s.secret, %(sealed)s) and not starts_with(s.secret, %(own)s)
            then %(unopened_s)s else 0
        end)
    order by q.due_at
    limit %(limit)s
    for update of q skip locked
) due, alerts a, webhooks w
where d.alert = due.alert and d.webhook = due.webhook and a.id = d.alert and w.id = d.webhook
returning d.alert, d.webhook, d.attempts, a.at, a.kind, a.subject, a.project, a.message, w.url, w.secret

-- name: delivered
update webhook_deliveries
set delivered_at = clock_timestamp(), last_error = null
where alert = %(alert)s and webhook = %(webhook)s

-- name: not_delivered
update webhook_deliveries
set last_error = %(error)s,
    due_at = clock_timestamp() + make_interval(secs => %(wait_s)s),
    given_up_at = case when attempts >= %(attempts_max)s then clock_timestamp() end
where alert = %(alert)s and webhook = %(webhook)s

-- name: not_opened
-- An alert that nobody can send waits as long again each time, until it is forgotten.
update webhook_deliveries d
set attempts = d.attempts - 1, last_error = %(error)s,
    due_at = clock_timestamp() + make_interval(secs => least(
        %(wait_s_max)s::float8,
        greatest(%(wait_s_min)s::float8, extract(epoch from clock_timestamp() - a.at)::float8)
    ))
from alerts a
where a.id = d.alert and d.alert = %(alert)s and d.webhook = %(webhook)s

-- name: database_state
select current_setting('fsync') = 'on' as syncs, current_setting('synchronous_commit') as commits,
    current_setting('synchronous_standby_names') <> '' as synchronous,
    (select count(*) from pg_stat_replication) as standbys,
    array(
        select h.name from grant_epoch_holders h
        join grant_epochs e on e.epoch = h.epoch and e.opened_at is null
        where h.registered_at is null
            and not exists (select from closed_boots c where c.boot = h.boot)
        order by h.name
    ) as waiting

-- name: list_marks
-- What changed in a time, newest first. What belongs to no project shows to those who see all projects; with a
-- project or an environment named, what belongs to another is left out.
with marks as (
    select at, 'release' as kind, release as subject, action as verb, environment as detail, project
    from environment_moves where at >= %(begin)s and at < %(end)s
        and (%(environment)s::text is null or environment = %(environment)s)
    union all
    select h.activated_at, 'configuration', h.id, 'activate', coalesce(s.note, ''), ''
    from snapshot_history h join snapshots s on s.id = h.id
    where h.activated_at >= %(begin)s and h.activated_at < %(end)s
    union all
    select created_at, 'rule', name,
        case when body is null then 'removed' when version = 1 then 'made' else 'version ' || version end, '',
        coalesce(project, '')
    from rule_versions where created_at >= %(begin)s and created_at < %(end)s
    union all
    select at, 'prompt', object, replace(action, '_', ' '),
        case when action = 'move_label'
            then (select string_agg(key || ' is version ' || value, ', ') from jsonb_each_text(after)) else '' end,
        project
    from audit_log
    where kind = 'prompt' and action in ('move_label', 'remove_label', 'archive', 'unarchive', 'delete')
        and at >= %(begin)s and at < %(end)s
    union all
    select at, case when kind = 'breaker_open' then 'incident' else 'alert' end, subject, kind, message, project
    from alerts where kind not in ('drift', 'rollout') and at >= %(begin)s and at < %(end)s
    union all
    select at, 'rollout', name,
        case action when 'advance' then 'on to ' || to_stage when 'back' then 'back from ' || from_stage
            when 'hold' then 'held at ' || from_stage else 'goes on at ' || from_stage end, why, ''
    from rollout_moves where action <> 'begin' and at >= %(begin)s and at < %(end)s
    union all
    select since, 'drift', target, kind,
        coalesce((
            select string_agg((c->>'signal') || ' ' || (c->>'side'), ', ')
            from jsonb_array_elements(finding->'changes') c
        ), nullif(finding->>'what', ''), kind), project
    from drift_alarms where since >= %(begin)s and since < %(end)s
)
select at, kind, subject, verb, detail, project from marks
where kind = any(%(kinds)s::text[])
    and (%(project_ids)s::text[] is null or project = any(%(project_ids)s::text[]))
    and (%(project)s::text is null or project in ('', %(project)s::text))
order by at desc, kind, subject
limit %(limit)s
