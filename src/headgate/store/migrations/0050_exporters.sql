-- Collectors that calls are sent to, each with its two signals, and the calls that still have to be sent there.
-- A call waits as its id alone: what is erased before it is sent is not sent.

create table exporters (
    name text not null,
    signal text not null check (signal in ('traces', 'metrics')),
    settings jsonb not null,
    projects text[],
    wants_content boolean not null,
    is_active boolean not null default true,
    failures integer not null default 0,
    retry_at timestamptz,
    last_error text not null default '',
    last_sent_at timestamptz,
    alerted_at timestamptz,
    sent bigint not null default 0,
    rejected bigint not null default 0,
    dropped bigint not null default 0,
    withheld bigint not null default 0,
    primary key (name, signal)
);

create table exports (
    exporter text not null,
    signal text not null,
    day date not null,
    id uuid not null,
    queued_at timestamptz not null default clock_timestamp(),
    due_at timestamptz not null,
    primary key (exporter, signal, day, id)
);
create index exports_due on exports (exporter, signal, due_at);
create index exports_queued on exports (exporter, signal, queued_at);
