-- What calls of a unit came to before its first exposure, in as much time as it is watched for, on the same alias and in no arm of
-- the same experiment: how many, their mean time and share of errors, and what they cost together. Null for units without any, and for
-- those that came before this was kept. Floating point, which reports sum up as it stands.
alter table experiment_units
    add column past_calls integer,
    add column past_call_ms double precision,
    add column past_error_rate double precision,
    add column past_cost_usd double precision;
