-- What was asked to be erased, and what became of it. A row stands for 30 days, so that what was on its way meanwhile
-- (unshipped entries, exporters that come late) is erased too; then the subject's name goes and its digest stays.

create table erasures (
    id uuid primary key,
    project text not null,
    kind text not null check (kind in ('user', 'session', 'trace_id', 'key', 'all_before')),
    subject text not null,
    subject_digest bytea not null,
    cutoff timestamptz not null,
    asked_at timestamptz not null default clock_timestamp(),
    asked_by text not null,
    dry_run boolean not null,
    state text not null default 'waiting' check (state in ('waiting', 'running', 'done')),
    removed jsonb not null default '{}',
    remained jsonb not null default '{}',
    second_look jsonb not null default '{}',
    looks integer not null default 0,
    finished_at timestamptz,
    digest bytea,
    next_look timestamptz not null default clock_timestamp(),
    stands_until timestamptz not null,
    claimed_until timestamptz not null default '-infinity'
);
create index erasures_project on erasures (project, id);
create index erasures_next_look on erasures (next_look);

-- The ids of what is erased, without content: what of it comes late is known by them.
create table erasure_calls (
    erasure uuid not null references erasures on delete cascade,
    day date not null,
    id uuid not null,
    primary key (erasure, day, id)
);
create table erasure_traces (
    erasure uuid not null references erasures on delete cascade,
    trace_id uuid not null,
    look integer not null default 0,
    primary key (erasure, trace_id)
);
create index erasure_traces_look on erasure_traces (erasure, look);
create table erasure_messages (
    erasure uuid not null references erasures on delete cascade,
    day date not null,
    hmac bytea not null,
    primary key (erasure, day, hmac)
);
