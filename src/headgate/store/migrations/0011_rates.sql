-- Shares of rate limits: which part of a limit each gateway process may use. Not a ledger: a share whose
-- holder has not been heard of for ten seconds is taken back.
--
-- What holds at every commit, for each meter: the sum of `share`, plus 1 / processes for each process that
-- has no row, is at most 1, up to what processes held before they were first heard of. A process lowers its
-- share in memory before it says so here, and raises it only after the answer: give before take.

-- How full the part of a limit is that nobody holds now. It drains over the limit's window.
create table rate_pools (
    meter text primary key,
    window_s double precision not null,
    fill double precision not null default 0,
    at timestamptz not null default clock_timestamp()
);

create table rate_shares (
    meter text not null,
    boot uuid not null,
    share double precision not null check (share >= 0 and share <= 1),
    demand double precision not null,
    seen_at timestamptz not null default clock_timestamp(),
    primary key (meter, boot)
);
create index rate_shares_seen_at on rate_shares (seen_at);

-- Tells what one process holds and wants, and answers with what it may hold from now on.
--
-- p_rows is an array of {meter, window_s, share, fill, demand}: the share as it is held now, how full it is,
-- and the units asked for in a second of late. Answers, for each of them: the share it now has, how full the
-- added part comes, the share it should go down to, and whether any process still wants the meter. Meters
-- that others want and this process has not spoken of come too, with share NULL.
create function share_rates(p_boot uuid, p_processes integer, p_rows jsonb)
returns table (meter text, share double precision, fill double precision, target double precision, wanted boolean)
language plpgsql as $$
#variable_conflict use_column
declare
    v_row record;
    v_pool record;
    v_stale double precision;
    v_mine double precision;
    v_others double precision;
    v_others_demand double precision;
    v_unheard double precision;
    v_fill double precision;
    v_free double precision;
    v_held double precision;
    v_target double precision;
begin
    for v_row in
        select * from jsonb_to_recordset(p_rows) as a (
            meter text, window_s double precision, share double precision, fill double precision,
            demand double precision
        ) order by a.meter
    loop
        insert into rate_pools (meter, window_s) values (v_row.meter, coalesce(v_row.window_s, 60))
        on conflict do nothing;
        select * into v_pool from rate_pools where meter = v_row.meter for update;
        with stale as (
            delete from rate_shares
            where meter = v_row.meter and seen_at < clock_timestamp() - interval '10 seconds' and boot <> p_boot
            returning share
        )
        select coalesce(sum(share), 0) into v_stale from stale;
        select max(share) filter (where boot = p_boot), coalesce(sum(share) filter (where boot <> p_boot), 0),
            coalesce(sum(demand) filter (where boot <> p_boot), 0),
            greatest(0, p_processes - 1 - count(*) filter (where boot <> p_boot))::double precision / p_processes
        into v_mine, v_others, v_others_demand, v_unheard
        from rate_shares where meter = v_row.meter;

        v_mine := coalesce(v_mine, least(1.0 / p_processes, greatest(0, 1 - v_others - v_unheard)));
        v_held := least(v_row.share, v_mine);
        -- What is given joins what nobody holds; what a process left behind counts as full.
        v_free := greatest(0, 1 - v_others - v_unheard - v_mine - v_stale);
        v_fill := greatest(0, v_pool.fill
            - extract(epoch from clock_timestamp() - v_pool.at) / v_pool.window_s);
        v_fill := v_fill * v_free + v_stale + v_row.fill * (v_mine - v_held);
        v_free := greatest(0, 1 - v_others - v_unheard - v_held);
        v_fill := case when v_free > 0 then least(1, v_fill / v_free) else 1 end;
        v_target := case
            when v_row.demand + v_others_demand > 0
                then 0.9 * v_row.demand / (v_row.demand + v_others_demand) + 0.1 / p_processes
            else 1.0 / p_processes
        end;
        v_held := v_held + greatest(0, least(v_target - v_held, v_free));
        update rate_pools set fill = v_fill, at = clock_timestamp() where meter = v_row.meter;
        insert into rate_shares (meter, boot, share, demand) values (v_row.meter, p_boot, v_held, v_row.demand)
        on conflict (meter, boot) do update
        set share = excluded.share, demand = excluded.demand, seen_at = clock_timestamp();
        return query select v_row.meter, v_held, v_fill, v_target, v_row.demand + v_others_demand > 0.001;
    end loop;
    return query
    select s.meter, null::double precision, 1::double precision, 0.1::double precision / p_processes, true
    from rate_shares s
    where s.boot <> p_boot and s.demand > 0.001 and s.seen_at > clock_timestamp() - interval '5 seconds'
        and not exists (
            select from rate_shares mine where mine.meter = s.meter and mine.boot = p_boot
        )
    group by s.meter
    limit 512;
end $$;
