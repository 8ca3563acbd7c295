-- What a boot holds of some meters, in whichever windows: asked where the answer to a grant was lost, since the
-- window of that grant can't be known. A grant of the boot that still runs comes to its end first.
create function held_leases(p_boot uuid, p_budgets text[], p_subjects text[])
returns table (
    budget text, subject text, window_id bigint, starts_ms bigint, ends_ms bigint,
    granted numeric, returned numeric, settled numeric, spent numeric, leased numeric, limit_pico numeric
) language plpgsql as $$
#variable_conflict use_column
begin
    perform pg_advisory_xact_lock(hashtextextended(p_boot::text, 0));
    return query
    select
        m.budget, m.subject, w.id, unix_ms(w.starts_at), unix_ms(w.ends_at),
        l.granted, l.returned, l.settled, w.spent, w.leased, b.limit_pico
    from unnest(p_budgets, p_subjects) as asked (budget, subject)
    join meters m on m.budget = asked.budget and m.subject = asked.subject
    join budgets b on b.id = m.budget
    join meter_windows w on w.meter = m.id
    join leases l on l.window_id = w.id and l.boot = p_boot
    where lease_held(l.granted, l.returned, l.settled) > 0
    order by w.id;
end
$$;
