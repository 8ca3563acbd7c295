-- Reports sum up what each unit cost and its square: as floating point, written once, and not converted from
-- a decimal number at every look.
alter table experiment_units
    add column cost_usd_float double precision not null generated always as (cost_usd::double precision) stored;
