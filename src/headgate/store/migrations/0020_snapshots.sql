-- Compiled configurations, which of them is in force, and which were before. A snapshot never changes.

create table snapshots (
    id text primary key,
    format integer not null,
    document jsonb not null,
    created_at timestamptz not null default clock_timestamp(),
    created_by text not null,
    note text not null default ''
);
create index snapshots_created_at on snapshots (created_at);

-- One row for ever. `seq` grows with each activation; `id` is null before the first.
create table active_snapshot (
    singleton boolean primary key default true check (singleton),
    id text references snapshots,
    seq bigint not null default 0
);
insert into active_snapshot default values;

create table snapshot_history (
    seq bigint primary key,
    id text not null references snapshots,
    activated_at timestamptz not null default clock_timestamp(),
    activated_by text not null
);
