-- Which server grants money, and who has still to say what it holds since that server took over.
--
-- A standby that took over may lack the last grants of the server before (asynchronous replication, or a restored
-- backup). So a server that grants for the first time asks every gateway that was live to register its leases,
-- and grants nothing before all have, or WAIT has passed. No lease is released by that: what is on record stays
-- on record, and what a gateway registers later still counts. With synchronous replication nothing that a
-- gateway knows of can be missing, so that waiting in vain for one that is cut off costs no promise.

-- Which server this is: system, timeline (each promotion begins a new one) and database.
-- Servers that don't tell have none, and a failover of theirs is not noticed.
create function database_identity() returns text language plpgsql stable as $$
declare
    v_system text;
    v_timeline text;
begin
    begin
        select system_identifier::text into v_system from pg_control_system();
        v_timeline := left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
    exception when insufficient_privilege or feature_not_supported or undefined_function
        or object_not_in_prerequisite_state then
        v_system := null;
    end;
    return coalesce(v_system, '0') || '/' || coalesce(v_timeline, '00000000') || '/'
        || (select oid from pg_database where datname = current_database());
end $$;

create table grant_epochs (
    epoch bigint generated always as identity primary key,
    identity text not null,
    began_at timestamptz not null default clock_timestamp(),
    opened_at timestamptz
);

create table grant_epoch_holders (
    epoch bigint not null references grant_epochs on delete cascade,
    boot uuid not null,
    name text not null,
    registered_at timestamptz,
    primary key (epoch, boot)
);

-- What has been granted so far was granted by this server.
insert into grant_epochs (identity, opened_at) values (database_identity(), clock_timestamp());

-- Opens a server's epoch if nobody is waited for any more; says whether it is open.
create function open_grant_epoch(p_epoch bigint) returns boolean language plpgsql as $$
declare
    v_epoch grant_epochs;
begin
    select * into v_epoch from grant_epochs where epoch = p_epoch for update;
    if v_epoch.opened_at is not null then
        return true;
    end if;
    if clock_timestamp() < v_epoch.began_at + interval '30 seconds' and exists (
        select from grant_epoch_holders h
        where h.epoch = p_epoch and h.registered_at is null
            and not exists (select from closed_boots c where c.boot = h.boot)
    ) then
        return false;
    end if;
    update grant_epochs set opened_at = clock_timestamp() where epoch = p_epoch;
    return true;
end $$;

-- Returns the epoch of the server that answers, begun now if it is the first time that this one is asked.
create function grant_epoch() returns table (epoch bigint, identity text, is_open boolean, waiting integer)
language plpgsql as $$
#variable_conflict use_column
declare
    v_identity text := database_identity();
    v_epoch grant_epochs;
begin
    select * into v_epoch from grant_epochs e order by e.epoch desc limit 1;
    if v_epoch.identity is distinct from v_identity then
        perform pg_advisory_xact_lock(hashtextextended('grant_epochs', 0));
        select * into v_epoch from grant_epochs e order by e.epoch desc limit 1;
        if v_epoch.identity is distinct from v_identity then
            insert into grant_epochs (identity) values (v_identity) returning * into v_epoch;
            -- Those that had reported within the minute before this server's data ends.
            insert into grant_epoch_holders (epoch, boot, name)
            select v_epoch.epoch, g.boot, g.name || ' on ' || g.host from gateways g
            where g.seen_at > (select max(seen_at) from gateways) - interval '1 minute';
            -- Numbers that the server before may have given and that are lost are not given twice.
            perform setval(pg_get_serial_sequence('meter_windows', 'id'),
                (select last_value + 1000000 from meter_windows_id_seq));
        end if;
    end if;
    if v_epoch.opened_at is not null then
        return query select v_epoch.epoch, v_epoch.identity, true, 0;
        return;
    end if;
    return query
    select v_epoch.epoch, v_epoch.identity, open_grant_epoch(v_epoch.epoch),
        (select count(*)::integer from grant_epoch_holders h
            where h.epoch = v_epoch.epoch and h.registered_at is null
                and not exists (select from closed_boots c where c.boot = h.boot));
end $$;

alter function grant_leases(uuid, jsonb) rename to grant_leases_of_open_epoch;

-- Grants as `grant_leases_of_open_epoch` (0010_meters.sql) does, or answers 'held' for each ask while holders have
-- still to register.
create function grant_leases(p_boot uuid, p_asks jsonb)
returns table (
    place integer, outcome text, window_id bigint, starts_ms bigint, ends_ms bigint,
    granted numeric, returned numeric, settled numeric, spent numeric, leased numeric,
    limit_pico numeric, exact boolean, now_ms bigint, identity text
) language plpgsql as $$
#variable_conflict use_column
declare
    v_epoch record;
begin
    select * into v_epoch from grant_epoch();
    if not v_epoch.is_open then
        return query select
            (a.ask ->> 'place')::integer, 'held'::text, null::bigint, null::bigint, null::bigint,
            null::numeric, null::numeric, null::numeric, null::numeric, null::numeric,
            null::numeric, null::boolean, unix_ms(clock_timestamp()), v_epoch.identity
        from jsonb_array_elements(p_asks) as a (ask);
        return;
    end if;
    return query select g.*, v_epoch.identity from grant_leases_of_open_epoch(p_boot, p_asks) g;
end $$;

-- Takes in all that a boot holds, after which it is waited for no more.
--
-- p_leases is an array of objects: window_id, budget, subject, starts_ms, ends_ms, known, returned, as in
-- `grant_leases`. A window that this server lacks is made anew under its number, unless another has taken its
-- place. Answers with what is on record of each, NULL where it could not be taken in; with no row at all where
-- the boot holds nothing, and with one row without a window where the boot is closed.
create function register_leases(p_boot uuid, p_epoch bigint, p_leases jsonb)
returns table (
    window_id bigint, granted numeric, returned numeric, settled numeric, spent numeric, leased numeric,
    limit_pico numeric
) language plpgsql as $$
#variable_conflict use_column
declare
    v_windows bigint[];
begin
    perform pg_advisory_xact_lock_shared(hashtextextended(p_boot::text, 0));
    if exists (select from closed_boots where boot = p_boot) then
        return query select null::bigint, null::numeric, null::numeric, null::numeric, null::numeric,
            null::numeric, null::numeric;
        return;
    end if;
    -- The epoch's row before any window's, as grants do. Others see both at once, when this commits.
    update grant_epoch_holders set registered_at = clock_timestamp()
    where epoch = p_epoch and boot = p_boot and registered_at is null;
    perform open_grant_epoch(p_epoch);
    insert into meter_windows (id, meter, starts_at, ends_at) overriding system value
    select a.window_id, open_meter(a.budget, a.subject), from_unix_ms(a.starts_ms), from_unix_ms(a.ends_ms)
    from jsonb_to_recordset(p_leases) as a (
        window_id bigint, budget text, subject text, starts_ms bigint, ends_ms bigint
    )
    join budgets b on b.id = a.budget
    where not exists (select from meter_windows w where w.id = a.window_id)
        and not exists (
            select from meter_windows w
            join meters m on m.id = w.meter
            where m.budget = a.budget and m.subject = a.subject
                and w.starts_at < from_unix_ms(a.ends_ms) and from_unix_ms(a.starts_ms) < w.ends_at
        )
    order by a.budget, a.subject
    on conflict do nothing;
    select coalesce(array_agg(w.id), '{}') into v_windows
    from jsonb_to_recordset(p_leases) as a (window_id bigint, budget text, subject text)
    join meter_windows w on w.id = a.window_id
    join meters m on m.id = w.meter and m.budget = a.budget and m.subject = a.subject;
    perform 1 from meter_windows where id = any(v_windows) order by id for no key update;
    insert into leases (boot, window_id)
    select p_boot, w from unnest(v_windows) as t (w)
    on conflict do nothing;
    with asked as (
        select l.window_id, lease_held(l.granted, l.returned, l.settled) as held,
            greatest(l.granted, a.known) as granted,
            least(greatest(l.granted, a.known), greatest(l.returned, a.returned)) as returned
        from jsonb_to_recordset(p_leases) as a (window_id bigint, known numeric, returned numeric)
        join leases l on l.boot = p_boot and l.window_id = a.window_id
        where a.window_id = any(v_windows)
    ), changed as (
        update leases l set granted = asked.granted, returned = asked.returned from asked
        where l.boot = p_boot and l.window_id = asked.window_id
        returning l.window_id, lease_held(l.granted, l.returned, l.settled) - asked.held as change
    )
    update meter_windows w set leased = w.leased + changed.change
    from changed where w.id = changed.window_id;
    return query
    select a.window_id, l.granted, l.returned, l.settled, w.spent, w.leased, b.limit_pico
    from jsonb_to_recordset(p_leases) as a (window_id bigint)
    left join meter_windows w on w.id = a.window_id and w.id = any(v_windows)
    left join leases l on l.boot = p_boot and l.window_id = w.id
    left join meters m on m.id = w.meter
    left join budgets b on b.id = m.budget;
end $$;
