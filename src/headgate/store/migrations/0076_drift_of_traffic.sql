-- Drift of live traffic: by the hour, and what answers say of the model that served them.
-- A stratum is project, name of models, prompt with its version, and release: what people change begins another one.

create table drift_hours (
    slot timestamptz not null,
    stratum uuid not null,
    target text not null,
    project text not null,
    model text not null,
    prompt text not null,
    release text not null,
    calls bigint not null,
    signals jsonb not null,
    amounts jsonb not null,
    is_seen boolean not null default false,
    is_reference boolean not null default false,
    primary key (slot, stratum)
);
create index drift_hours_new on drift_hours (slot) where not is_seen;
create index drift_hours_stratum on drift_hours (stratum, slot);

-- `told_at` is null until somebody has looked whether this is the first of its target.
create table drift_served (
    target text not null,
    fact text not null check (fact in ('model', 'fingerprint')),
    value text not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    calls bigint not null,
    told_at timestamptz,
    primary key (target, fact, value)
);
create index drift_served_new on drift_served (target) where told_at is null;

-- Sums of numbers by name.
create function add_numbers(one jsonb, other jsonb) returns jsonb language sql immutable parallel safe as $$
    select coalesce(jsonb_object_agg(key, total), '{}') from (
        select key, sum(value::text::numeric) as total
        from (select * from jsonb_each(one) union all select * from jsonb_each(other)) parts
        group by key
    ) sums
$$;
