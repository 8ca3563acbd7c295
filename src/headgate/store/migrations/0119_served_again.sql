-- A model that serves again after it was gone is told. How many calls of its target had been of other models when it
-- was first and last seen, and how many of these while it was gone, say what share of the calls it had where it was there.
alter table drift_served
    add column others_first bigint not null default 0,
    add column others_last bigint not null default 0,
    add column others_away bigint not null default 0,
    add column gone_since timestamptz,
    add column returned_at timestamptz;

update drift_served s set others_last = (
    select coalesce(sum(o.calls), 0) from drift_served o
    where o.target = s.target and o.fact = s.fact and o.value <> s.value
);
