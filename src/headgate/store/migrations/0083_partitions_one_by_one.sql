-- A partition by itself, so that who makes many need not hold one table's lock while it waits for another's: who reads
-- several tables would wait for it in turn.

create function partitioned_tables() returns text[] language sql immutable as $$
    select array['requests', 'request_bodies', 'messages', 'spans', 'span_words', 'span_events']
$$;

-- A day whose rows already went to the default partition stays there.
create function ensure_partition(v_parent text, v_day date) returns void language plpgsql as $$
declare
    v_name text := v_parent || '_' || to_char(v_day, 'YYYYMMDD');
    v_taken boolean;
begin
    if to_regclass(v_name) is not null then
        return;
    end if;
    perform pg_advisory_xact_lock(hashtext('headgate partitions'));
    if to_regclass(v_name) is not null then
        return;
    end if;
    execute format('select exists (select from %I where day = %L)', v_parent || '_default', v_day) into v_taken;
    if v_taken then
        return;
    end if;
    -- An advisory lock does not refresh what this session remembers of names: `if not exists` does.
    execute format(
        'create table if not exists %I partition of %I for values from (%L) to (%L)',
        v_name, v_parent, v_day, v_day + 1
    );
end
$$;

create or replace function ensure_partitions(days date[]) returns void language plpgsql as $$
declare
    v_day date;
    v_parent text;
begin
    for v_day in select distinct d from unnest(days) d order by d loop
        foreach v_parent in array partitioned_tables() loop
            perform ensure_partition(v_parent, v_day);
        end loop;
    end loop;
end
$$;
