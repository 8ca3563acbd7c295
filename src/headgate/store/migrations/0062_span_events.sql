-- Events of spans that came as log records, kept as long as the spans that they name, which may come before or after
-- them. Partitions by day of arrival, as of spans. No row-level security: every query takes project_ids.

create table span_events (
    day date not null,
    project text not null,
    trace_id uuid not null,
    span_id bigint not null,
    -- Of what the event says: an exporter that comes again brings the same.
    digest bytea not null,
    key text not null,
    name text not null,
    at_ns bigint not null,
    -- Its place in the request that brought it: for events of one moment.
    place integer not null,
    attributes text not null,
    -- What the tokens cost that it tells of, by the price table.
    cost_usd numeric,
    primary key (project, trace_id, span_id, digest, day)
) partition by range (day);
create table span_events_default partition of span_events default;

do $$
begin
    alter table span_events alter column attributes set compression lz4;
exception when feature_not_supported then
    raise notice 'this server has no lz4';
end
$$;

-- As before, for this table too.
create or replace function ensure_partitions(days date[]) returns void language plpgsql as $$
declare
    v_day date;
    v_parent text;
    v_name text;
    v_taken boolean;
begin
    for v_day in select distinct d from unnest(days) d order by d loop
        foreach v_parent in array
            array['requests', 'request_bodies', 'messages', 'spans', 'span_words', 'span_events']
        loop
            v_name := v_parent || '_' || to_char(v_day, 'YYYYMMDD');
            continue when to_regclass(v_name) is not null;
            perform pg_advisory_xact_lock(hashtext('headgate partitions'));
            continue when to_regclass(v_name) is not null;
            execute format('select exists (select from %I where day = %L)', v_parent || '_default', v_day)
                into v_taken;
            continue when v_taken;
            execute format(
                'create table if not exists %I partition of %I for values from (%L) to (%L)',
                v_name, v_parent, v_day, v_day + 1
            );
        end loop;
    end loop;
end
$$;
