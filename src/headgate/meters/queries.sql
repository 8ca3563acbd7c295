-- name: grant_leases
select * from grant_leases(%(boot)s, %(asks)s::jsonb)

-- name: grant_epoch
select * from grant_epoch()

-- name: register_leases
select * from register_leases(%(boot)s, %(epoch)s, %(leases)s::jsonb)

-- name: held_leases
select e.identity, unix_ms(clock_timestamp()) as now_ms, h.*, true as exact
from grant_epoch() e
left join held_leases(%(boot)s, %(budgets)s::text[], %(subjects)s::text[]) h on true

-- name: return_leases
select * from return_leases(%(boot)s, %(windows)s::bigint[], %(returned)s::numeric[])

-- name: take_open_attempts
-- Attempts whose end has come; `charged_at` is set where their boot was closed before.
delete from open_attempts o
using unnest(%(boots)s::uuid[], %(requests)s::uuid[], %(attempts)s::integer[]) as a (boot, request, attempt)
where o.boot = a.boot and o.request = a.request and o.attempt = a.attempt
returning o.boot, o.request, o.attempt, unix_ms(o.at) as at_ms, o.project, o.key, o."user", o.target, o.model,
    o.tags, o.holds::text, o.charged_at is not null as is_charged

-- name: open_attempts
insert into open_attempts (boot, request, attempt, at, project, key, "user", target, model, tags, holds)
select boot, request, attempt, from_unix_ms(at_ms), project, key, "user", target, model, tags, holds
from jsonb_to_recordset(%(rows)s::jsonb) as a (
    boot uuid, request uuid, attempt integer, at_ms bigint, project text, key text, "user" text, target text,
    model text, tags text[], holds jsonb
)
on conflict do nothing

-- name: enter_ledger
-- An attempt is charged once: what stands in the ledger already is not returned.
insert into ledger (at, request, attempt, project, key, "user", provider, target, model, tags, pico_usd, windows)
select from_unix_ms(at_ms), request, attempt, project, key, "user", split_part(target, '/', 1), target, model,
    tags, pico_usd, windows
from jsonb_to_recordset(%(rows)s::jsonb) as a (
    request uuid, attempt integer, at_ms bigint, project text, key text, "user" text, target text, model text,
    tags text[], pico_usd numeric, windows bigint[]
)
on conflict do nothing
returning request, attempt

-- name: correct_ledger
-- The true cost of attempts that had been charged in full when their boot was closed.
update ledger l set pico_usd = a.pico_usd, charged_in_full = false
from jsonb_to_recordset(%(rows)s::jsonb) as a (request uuid, attempt integer, pico_usd numeric)
where l.request = a.request and l.attempt = a.attempt and l.charged_in_full

-- name: settle_leases
select settle_leases(%(boots)s::uuid[], %(windows)s::bigint[], %(charged)s::numeric[], %(overrun)s::numeric[])

-- name: close_boot
select * from close_boot(%(boot)s, %(reason)s)

-- name: put_budget
insert into budgets (id, name, scope, limit_pico, window_name, timezone)
values (%(id)s, %(name)s, %(scope)s::jsonb, %(limit_pico)s, %(window)s, %(timezone)s)
on conflict (id) do update set name = excluded.name, limit_pico = excluded.limit_pico
returning seeded_at is not null as is_seeded, unix_ms(clock_timestamp()) as now_ms

-- name: spent_before
-- What the ledger holds of a window's time for a budget's scope, by the dimensions that it counts apart, without
-- what its meters have been charged already. NULL matches all.
select
    case when %(by_project)s then l.project end as project,
    case when %(by_key)s then l.key end as key,
    case when %(by_user)s then l."user" end as "user",
    case when %(by_provider)s then l.provider end as provider,
    case when %(by_model)s then l.target end as target,
    case when %(by_tag)s then t.tag end as tag,
    sum(l.pico_usd) as pico_usd
from ledger l
left join lateral unnest(l.tags) as t (tag) on %(by_tag)s
where l.at >= from_unix_ms(%(starts_ms)s) and l.at < from_unix_ms(%(ends_ms)s)
    and (%(project)s::text is null or l.project = %(project)s)
    and (%(key)s::text is null or l.key = %(key)s)
    and (%(user)s::text is null or l."user" = %(user)s)
    and (%(provider)s::text is null or l.provider = %(provider)s)
    and (%(model)s::text is null or %(model)s in (l.target, l.model))
    and (%(tag)s::text is null or %(tag)s = any(l.tags))
    and (not %(by_tag)s or t.tag is not null)
    and not l.windows && array(
        select w.id from meter_windows w join meters m on m.id = w.meter where m.budget = %(budget)s
    )
group by 1, 2, 3, 4, 5, 6

-- name: seed_windows
select seed_windows(
    %(budget)s, %(subjects)s::text[], %(amounts)s::numeric[], from_unix_ms(%(starts_ms)s),
    from_unix_ms(%(ends_ms)s)
)

-- name: mark_seeded
update budgets set seeded_at = clock_timestamp() where id = %(id)s

-- name: list_windows
select m.budget, m.subject, unix_ms(w.starts_at) as starts_ms, unix_ms(w.ends_at) as ends_ms, b.limit_pico,
    w.spent, w.leased, w.overrun
from meters m
join budgets b on b.id = m.budget
join meter_windows w on w.meter = m.id
where m.budget = any(%(budgets)s::text[]) and w.starts_at <= clock_timestamp() and clock_timestamp() < w.ends_at
order by m.budget, w.spent desc, m.subject
limit %(rows_max)s

-- name: now_ms
select unix_ms(clock_timestamp()) as now_ms

-- name: due_alerts
-- Every threshold that a current window has passed is remembered; answers with those that are new.
insert into budget_alerts (window_id, threshold)
select w.id, t.threshold
from meter_windows w
join meters m on m.id = w.meter
join budgets b on b.id = m.budget
cross join lateral (
    select threshold from (values ('50', 0.5), ('80', 0.8), ('100', 1.0)) as v (threshold, part)
    where b.limit_pico > 0 and w.spent >= b.limit_pico * v.part
    union all
    select 'overrun' where w.overrun > 0
) t
where w.ends_at > clock_timestamp() - interval '1 day'
    and not exists (select from budget_alerts a where a.window_id = w.id and a.threshold = t.threshold)
on conflict do nothing
returning window_id, threshold

-- name: describe_windows
select w.id as window_id, b.name, b.scope::text as scope, m.subject, w.spent, w.overrun, b.limit_pico,
    unix_ms(w.ends_at) as ends_ms, unix_ms(clock_timestamp()) as now_ms
from meter_windows w
join meters m on m.id = w.meter
join budgets b on b.id = m.budget
where w.id = any(%(windows)s::bigint[])

-- name: share_rates
select * from share_rates(%(boot)s, %(processes)s, %(rows)s::jsonb)

-- name: drop_rate_shares
delete from rate_shares where boot = %(boot)s

-- name: prune_ledger
delete from ledger where at < clock_timestamp() - make_interval(days => %(keep_days)s)

-- name: prune_leases
-- Leases of boots that are closed hold nothing; a journal that turns up later makes its row anew.
delete from leases l using closed_boots c
where c.boot = l.boot and c.closed_at < clock_timestamp() - make_interval(days => %(keep_days)s)

-- name: prune_rate_pools
delete from rate_pools p
where p.at < clock_timestamp() - interval '1 day'
    and not exists (select from rate_shares s where s.meter = p.meter)

-- name: list_leases
-- The boots that hold something, or have attempts open; who they are, as far as they still report.
with held as (
    select boot, sum(lease_held(granted, returned, settled)) as held from leases group by boot
), open as (
    select boot, count(*) as attempts from open_attempts where charged_at is null group by boot
)
select coalesce(held.boot, open.boot) as boot, gateways.name, gateways.host, gateways.seen_at,
    coalesce(gateways.seen_at > clock_timestamp() - interval '3 seconds', false) as live,
    coalesce(held.held, 0) as held, coalesce(open.attempts, 0) as attempts
from held
full join open on open.boot = held.boot
left join gateways on gateways.boot = coalesce(held.boot, open.boot)
where coalesce(held.held, 0) > 0 or open.attempts > 0
order by held desc nulls last
limit %(limit)s

-- name: boot_is_live
select exists (
    select from gateways where boot = %(boot)s and seen_at > clock_timestamp() - interval '10 seconds'
) as live
