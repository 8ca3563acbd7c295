-- Budgets, their windows, what gateways hold of them, and what was charged. Amounts are pico-USD.
--
-- What always holds, at every commit:
--   meter_windows.leased = sum over its leases of greatest(0, granted - returned - settled)
--   meter_windows.spent  = what was seeded + sum over the ledger rows that name it (their charge to it)
--   at every grant: spent + leased <= limit_pico, afterwards too
--   leases.granted, returned and settled only grow (settled falls only where a closed boot's journal turns up)
-- Every change to a window or its leases happens under the window's row lock, taken in the order of ids.

create table budgets (
    id text primary key,
    name text not null,
    scope jsonb not null default '{}',
    limit_pico numeric not null check (limit_pico >= 0),
    window_name text not null check (window_name in ('hour', 'day', 'week', 'month', 'total')),
    timezone text not null,
    seeded_at timestamptz
);

create table meters (
    id bigint generated always as identity primary key,
    budget text not null references budgets,
    subject text not null,
    unique (budget, subject)
);

create table meter_windows (
    id bigint generated always as identity primary key,
    meter bigint not null references meters,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    spent numeric not null default 0,
    leased numeric not null default 0 check (leased >= 0),
    overrun numeric not null default 0 check (overrun >= 0),
    unique (meter, starts_at),
    check (starts_at < ends_at)
);
create index meter_windows_ends_at on meter_windows (ends_at);

create table leases (
    boot uuid not null,
    window_id bigint not null references meter_windows,
    granted numeric not null default 0,
    returned numeric not null default 0,
    settled numeric not null default 0,
    primary key (boot, window_id),
    check (returned <= granted)
);
create index leases_window_id on leases (window_id);

-- Boots whose journal has been replayed to its end, or that an operator gave up. They get no more grants.
create table closed_boots (
    boot uuid primary key,
    closed_at timestamptz not null default clock_timestamp(),
    reason text not null
);

create table ledger (
    at timestamptz not null,
    request uuid not null,
    attempt integer not null,
    project text not null,
    key text not null,
    "user" text not null,
    provider text not null,
    target text not null,
    model text not null,
    tags text[] not null default '{}',
    pico_usd numeric not null,
    windows bigint[] not null default '{}',
    charged_in_full boolean not null default false,
    primary key (request, attempt)
);
create index ledger_at on ledger using brin (at);

-- Attempts that have begun and whose end has not been seen.
create table open_attempts (
    boot uuid not null,
    request uuid not null,
    attempt integer not null,
    at timestamptz not null,
    project text not null,
    key text not null,
    "user" text not null,
    target text not null,
    model text not null,
    tags text[] not null default '{}',
    holds jsonb not null,
    charged_at timestamptz,
    primary key (boot, request, attempt)
);

create table budget_alerts (
    window_id bigint not null references meter_windows on delete cascade,
    threshold text not null check (threshold in ('50', '80', '100', 'overrun')),
    at timestamptz not null default clock_timestamp(),
    primary key (window_id, threshold)
);

create function unix_ms(p_at timestamptz) returns bigint
language sql immutable parallel safe as $$ select floor(extract(epoch from p_at) * 1000)::bigint $$;

create function from_unix_ms(p_ms bigint) returns timestamptz
language sql immutable parallel safe
as $$ select timestamptz 'epoch' + p_ms * interval '1 millisecond' $$;

create function lease_held(p_granted numeric, p_returned numeric, p_settled numeric) returns numeric
language sql immutable parallel safe as $$ select greatest(0, p_granted - p_returned - p_settled) $$;

-- Finds the window of a meter that contains the database's time, or stores the one proposed if that does.
-- Stored edges win, and a new window never overlaps one that is stored. NULL: the proposal lies elsewhere.
create function open_meter_window(p_meter bigint, p_starts_at timestamptz, p_ends_at timestamptz)
returns bigint language plpgsql as $$
declare
    v_at timestamptz := clock_timestamp();
    v_window bigint;
begin
    select id into v_window from meter_windows
    where meter = p_meter and starts_at <= v_at and v_at < ends_at;
    if found then
        return v_window;
    end if;
    perform 1 from meters where id = p_meter for no key update;
    v_at := clock_timestamp();
    select id into v_window from meter_windows
    where meter = p_meter and starts_at <= v_at and v_at < ends_at;
    if found then
        return v_window;
    end if;
    if v_at < p_starts_at or v_at >= p_ends_at then
        return null;
    end if;
    insert into meter_windows (meter, starts_at, ends_at)
    select
        p_meter,
        greatest(p_starts_at, max(ends_at) filter (where ends_at <= v_at)),
        least(p_ends_at, min(starts_at) filter (where starts_at > v_at))
    from meter_windows where meter = p_meter
    returning id into v_window;
    return v_window;
end $$;

-- Finds or makes the meter of a budget and subject.
create function open_meter(p_budget text, p_subject text) returns bigint language plpgsql as $$
declare
    v_meter bigint;
begin
    select id into v_meter from meters where budget = p_budget and subject = p_subject;
    if not found then
        insert into meters (budget, subject) values (p_budget, p_subject)
        on conflict (budget, subject) do nothing returning id into v_meter;
        if v_meter is null then
            select id into v_meter from meters where budget = p_budget and subject = p_subject;
        end if;
    end if;
    return v_meter;
end $$;

-- Grants money of several windows to one boot: all that is asked, or nothing.
--
-- p_asks is an array of objects:
--   place        the caller's number for it
--   budget, name, scope, limit, window, timezone   the definition, stored only where it is not known yet
--   subject      of the meter
--   starts_ms, ends_ms   the window's edges, used only where the database's time lies in no stored window
--   window_id    null, or the window that `known` and `returned` speak of
--   known        all that the boot knows to have been granted; raises `granted` where the database lost it
--   returned     all that it has ever given back
--   need         what it has to get beyond `known`
--   pending      what all its waiting calls need, >= need; granted where that much is left
--   chunk        what it would rather get, >= pending; granted only while the window is far from its limit
--   exact_below  how much has to be left for that
--   processes    how many share the limit
--
-- Outcomes: granted; refused (this window has not enough); withheld (another one has not); outside (the
-- database's time does not lie in the proposed window); closed (the boot gets nothing more). A refusal asks
-- the other holders to give back what lies idle.
create function grant_leases(p_boot uuid, p_asks jsonb)
returns table (
    place integer, outcome text, window_id bigint, starts_ms bigint, ends_ms bigint,
    granted numeric, returned numeric, settled numeric, spent numeric, leased numeric,
    limit_pico numeric, exact boolean, now_ms bigint
) language plpgsql as $$
#variable_conflict use_column
declare
    v_ask record;
    v_row record;
    v_windows bigint[] := '{}';
    v_places integer[] := '{}';
    v_deltas numeric[] := '{}';
    v_refused integer[] := '{}';
    v_outside boolean := false;
    v_window bigint;
    v_granted numeric;
    v_returned numeric;
    v_leased numeric;
    v_left numeric;
    v_level numeric;
    v_delta numeric;
    v_added numeric;
    v_at integer;
begin
    perform pg_advisory_xact_lock_shared(hashtextextended(p_boot::text, 0));
    if exists (select from closed_boots where boot = p_boot) then
        return query select
            (a.ask ->> 'place')::integer, 'closed'::text, null::bigint, null::bigint, null::bigint,
            null::numeric, null::numeric, null::numeric, null::numeric, null::numeric,
            null::numeric, null::boolean, unix_ms(clock_timestamp())
        from jsonb_array_elements(p_asks) as a (ask);
        return;
    end if;

    -- Everything that has to exist, made in one order for all.
    for v_ask in
        select * from jsonb_to_recordset(p_asks) as a (
            place integer, budget text, name text, scope jsonb, "limit" numeric, "window" text,
            timezone text, subject text, starts_ms bigint, ends_ms bigint
        ) order by a.budget, a.subject
    loop
        insert into budgets (id, name, scope, limit_pico, window_name, timezone)
        select v_ask.budget, v_ask.name, v_ask.scope, v_ask."limit", v_ask."window", v_ask.timezone
        where not exists (select from budgets where id = v_ask.budget)
        on conflict (id) do nothing;
        v_window := open_meter_window(
            open_meter(v_ask.budget, v_ask.subject),
            from_unix_ms(v_ask.starts_ms), from_unix_ms(v_ask.ends_ms)
        );
        v_places := array_append(v_places, v_ask.place);
        v_windows := array_append(v_windows, v_window);
    end loop;
    perform 1 from meter_windows where id = any(v_windows) order by id for no key update;
    insert into leases (boot, window_id)
    select p_boot, w from unnest(v_windows) as t (w) where w is not null
    on conflict do nothing;

    -- What each window can give, after what the boot says of itself.
    for v_ask in
        select * from jsonb_to_recordset(p_asks) as a (
            place integer, window_id bigint, known numeric, returned numeric, need numeric,
            pending numeric, chunk numeric, exact_below numeric, processes integer
        )
    loop
        v_at := array_position(v_places, v_ask.place);
        select w.*, l.granted, l.returned, l.settled, b.limit_pico into v_row
        from meter_windows w
        join leases l on l.window_id = w.id and l.boot = p_boot
        join meters m on m.id = w.meter
        join budgets b on b.id = m.budget
        where w.id = v_windows[v_at];
        if not found or clock_timestamp() >= v_row.ends_at
            or (v_ask.window_id is not null and v_ask.window_id <> v_row.id) then
            v_outside := true;
            continue;
        end if;
        v_granted := greatest(v_row.granted, v_ask.known);
        v_returned := least(v_granted, greatest(v_row.returned, v_ask.returned));
        v_leased := v_row.leased + lease_held(v_granted, v_returned, v_row.settled)
            - lease_held(v_row.granted, v_row.returned, v_row.settled);
        update leases set granted = v_granted, returned = v_returned
        where boot = p_boot and window_id = v_row.id
            and (granted, returned) is distinct from (v_granted, v_returned);
        update meter_windows set leased = v_leased where id = v_row.id and leased <> v_leased;

        v_left := v_row.limit_pico - v_row.spent - v_leased;
        v_level := case
            when v_left >= v_ask.exact_below
                then greatest(v_ask.pending, least(v_ask.chunk, div(v_left, 2 * v_ask.processes)))
            when v_left >= v_ask.pending then v_ask.pending
            else v_ask.need
        end;
        v_delta := greatest(0, v_ask.known + v_level - v_granted);
        v_added := lease_held(v_granted + v_delta, v_returned, v_row.settled)
            - lease_held(v_granted, v_returned, v_row.settled);
        if v_added > v_left then
            v_delta := greatest(0, v_ask.known + v_ask.need - v_granted);
            v_added := lease_held(v_granted + v_delta, v_returned, v_row.settled)
                - lease_held(v_granted, v_returned, v_row.settled);
        end if;
        if v_added > greatest(0, v_left) then
            v_refused := array_append(v_refused, v_ask.place);
            if v_leased > lease_held(v_granted, v_returned, v_row.settled) then
                perform pg_notify('headgate_recall', v_row.id || ' ' || p_boot);
            end if;
        end if;
        v_deltas[v_at] := v_delta;
    end loop;

    -- All or nothing.
    if not v_outside and cardinality(v_refused) = 0 then
        for v_at in 1 .. cardinality(v_places) loop
            update meter_windows w
            set leased = w.leased + lease_held(l.granted + v_deltas[v_at], l.returned, l.settled)
                - lease_held(l.granted, l.returned, l.settled)
            from leases l
            where w.id = v_windows[v_at] and l.boot = p_boot and l.window_id = w.id;
            update leases set granted = granted + v_deltas[v_at]
            where boot = p_boot and window_id = v_windows[v_at];
        end loop;
    end if;

    return query
    select
        a.place,
        case
            when v_outside then 'outside'
            when a.place = any(v_refused) then 'refused'
            when cardinality(v_refused) > 0 then 'withheld'
            else 'granted'
        end,
        w.id, unix_ms(w.starts_at), unix_ms(w.ends_at), l.granted, l.returned, l.settled, w.spent, w.leased,
        b.limit_pico, b.limit_pico - w.spent - w.leased < a.exact_below, unix_ms(clock_timestamp())
    from jsonb_to_recordset(p_asks) as a (place integer, exact_below numeric)
    left join meter_windows w on w.id = v_windows[array_position(v_places, a.place)]
    left join leases l on l.window_id = w.id and l.boot = p_boot
    left join meters m on m.id = w.meter
    left join budgets b on b.id = m.budget
    order by a.place;
end $$;

-- Takes back what a boot says it has returned, in all, of each window; answers with what is on record.
create function return_leases(p_boot uuid, p_windows bigint[], p_returned numeric[])
returns table (
    window_id bigint, granted numeric, returned numeric, settled numeric, spent numeric, leased numeric,
    limit_pico numeric
) language plpgsql as $$
#variable_conflict use_column
begin
    perform 1 from meter_windows where id = any(p_windows) order by id for no key update;
    with asked as (
        select l.window_id, least(l.granted, greatest(l.returned, a.returned)) as returned,
            lease_held(l.granted, l.returned, l.settled) as held
        from unnest(p_windows, p_returned) as a (window_id, returned)
        join leases l on l.boot = p_boot and l.window_id = a.window_id
        where a.returned > l.returned
    ), changed as (
        update leases l set returned = asked.returned from asked
        where l.boot = p_boot and l.window_id = asked.window_id
        returning l.window_id, lease_held(l.granted, l.returned, l.settled) - asked.held as change
    )
    update meter_windows w set leased = w.leased + changed.change
    from changed where w.id = changed.window_id;
    return query
    select l.window_id, l.granted, l.returned, l.settled, w.spent, w.leased, b.limit_pico
    from leases l
    join meter_windows w on w.id = l.window_id
    join meters m on m.id = w.meter
    join budgets b on b.id = m.budget
    where l.boot = p_boot and l.window_id = any(p_windows);
end $$;

-- Charges windows and the leases of the boots that spent. Each pair of boot and window comes once. Windows
-- that do not exist are passed over. A closed boot holds nothing afterwards.
create function settle_leases(p_boots uuid[], p_windows bigint[], p_charged numeric[], p_overrun numeric[])
returns void language plpgsql as $$
#variable_conflict use_column
begin
    perform 1 from meter_windows where id = any(p_windows) order by id for no key update;
    insert into leases (boot, window_id)
    select a.boot, a.window_id from unnest(p_boots, p_windows) as a (boot, window_id)
    join meter_windows w on w.id = a.window_id
    on conflict do nothing;
    with asked as (
        select l.boot, l.window_id, a.charged, a.overrun,
            lease_held(l.granted, l.returned, l.settled) as held,
            case
                when exists (select from closed_boots c where c.boot = l.boot)
                    then least(l.granted, greatest(l.returned, l.granted - l.settled - a.charged))
                else l.returned
            end as returned
        from unnest(p_boots, p_windows, p_charged, p_overrun) as a (boot, window_id, charged, overrun)
        join leases l on l.boot = a.boot and l.window_id = a.window_id
    ), changed as (
        update leases l set settled = l.settled + asked.charged, returned = asked.returned from asked
        where l.boot = asked.boot and l.window_id = asked.window_id
        returning l.window_id, asked.charged, asked.overrun,
            lease_held(l.granted, l.returned, l.settled) - asked.held as change
    ), summed as (
        select window_id, sum(charged) as charged, sum(overrun) as overrun, sum(change) as change
        from changed group by window_id
    )
    update meter_windows w
    set spent = w.spent + summed.charged, leased = w.leased + summed.change,
        overrun = greatest(0, w.overrun + summed.overrun)
    from summed where w.id = summed.window_id;
end $$;

-- Closes a boot for good: what it had begun is charged in full, the rest of its leases goes back. Closing
-- twice changes nothing. Only for boots whose process is gone and whose journal is at its end, or by an
-- operator who knows that both are lost.
create function close_boot(p_boot uuid, p_reason text)
returns table (attempts bigint, charged numeric, given_back numeric) language plpgsql as $$
#variable_conflict use_column
declare
    v_attempts bigint := 0;
    v_charged numeric := 0;
    v_given_back numeric := 0;
    v_windows bigint[];
    v_amounts numeric[];
begin
    perform pg_advisory_xact_lock(hashtextextended(p_boot::text, 0));
    insert into closed_boots (boot, reason) values (p_boot, p_reason) on conflict do nothing;
    with marked as (
        update open_attempts set charged_at = clock_timestamp()
        where boot = p_boot and charged_at is null
        returning *
    ), entered as (
        insert into ledger (at, request, attempt, project, key, "user", provider, target, model, tags,
            pico_usd, windows, charged_in_full)
        select m.at, m.request, m.attempt, m.project, m.key, m."user", split_part(m.target, '/', 1), m.target,
            m.model, m.tags, h.most, h.windows, true
        from marked m
        cross join lateral (
            select coalesce(max((hold ->> 1)::numeric), 0) as most,
                coalesce(array_agg((hold ->> 0)::bigint), '{}') as windows
            from jsonb_array_elements(m.holds) as t (hold)
        ) h
        on conflict do nothing
        returning request, attempt, pico_usd
    ), held as (
        select (hold ->> 0)::bigint as window_id, sum((hold ->> 1)::numeric) as amount
        from entered
        join marked using (request, attempt)
        cross join lateral jsonb_array_elements(marked.holds) as t (hold)
        group by 1
    )
    select
        (select count(*) from entered), (select coalesce(sum(pico_usd), 0) from entered),
        (select coalesce(array_agg(window_id), '{}') from held),
        (select coalesce(array_agg(amount order by window_id), '{}') from held)
    into v_attempts, v_charged, v_windows, v_amounts;
    select coalesce(array_agg(w order by w), '{}') into v_windows from unnest(v_windows) as t (w);

    perform 1 from meter_windows
    where id = any(v_windows)
        or id in (select window_id from leases where boot = p_boot and granted > returned + settled)
    order by id for no key update;
    select coalesce(sum(lease_held(granted, returned, settled)), 0) into v_given_back
    from leases where boot = p_boot;
    perform settle_leases(
        array_fill(p_boot, array[cardinality(v_windows)]), v_windows, v_amounts,
        array_fill(0::numeric, array[cardinality(v_windows)])
    );
    with held as (
        select window_id, lease_held(granted, returned, settled) as amount
        from leases where boot = p_boot and granted > returned + settled
    ), changed as (
        update leases l set returned = l.granted - l.settled from held
        where l.boot = p_boot and l.window_id = held.window_id
    )
    update meter_windows w set leased = w.leased - held.amount from held where w.id = held.window_id;
    return query select v_attempts, v_charged, greatest(0, v_given_back - v_charged);
end $$;

-- Adds what had been spent before a budget began to its meters' windows. One amount for each subject.
create function seed_windows(
    p_budget text, p_subjects text[], p_amounts numeric[], p_starts_at timestamptz, p_ends_at timestamptz
) returns void language plpgsql as $$
declare
    v_windows bigint[];
begin
    select coalesce(array_agg(open_meter_window(open_meter(p_budget, t.subject), p_starts_at, p_ends_at)), '{}')
    into v_windows
    from (select subject from unnest(p_subjects) as s (subject) order by subject) as t;
    perform 1 from meter_windows where id = any(v_windows) order by id for no key update;
    update meter_windows w set spent = w.spent + t.amount
    from unnest(p_subjects, p_amounts) as t (subject, amount)
    join meters m on m.budget = p_budget and m.subject = t.subject
    where w.meter = m.id and w.id = any(v_windows);
end $$;
