-- What calls of a unit took in tokens. Null for units that came before this was kept: they are left out of metrics on tokens.
-- `uncounted` are calls whose answer says no tokens.
alter table experiment_units
    add column tokens bigint,
    add column output_tokens bigint,
    add column uncounted bigint not null default 0;
