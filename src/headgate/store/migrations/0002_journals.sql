-- How far each boot's journal has been shipped. A position moves only together with what it has moved past.
create table journals (
    boot uuid primary key,
    host text not null,
    acct_segment integer not null default 1,
    acct_offset bigint not null default 0,
    body_segment integer not null default 1,
    body_offset bigint not null default 0,
    damaged_bytes bigint not null default 0,
    registered_at timestamptz not null default clock_timestamp(),
    moved_at timestamptz,
    closed_at timestamptz
);

-- Entries that no sink could apply, kept with the reason.
create table journal_rejects (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    boot uuid not null,
    stream text not null,
    segment integer not null,
    "offset" bigint not null,
    kind integer not null,
    payload bytea not null,
    error text not null
);
