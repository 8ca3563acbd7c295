-- Who changed what, and which gateways are there. Keys themselves are live objects of the kind `key`.

create unique index live_keys_name on live_objects ((body ->> 'project'), (body ->> 'name'))
    where kind = 'key' and deleted_at is null;

-- What stands in `before` and `after` never holds a secret or its digest.
create table audit_log (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    actor text not null,
    action text not null,
    kind text not null,
    object text not null,
    project text not null default 'default',
    before jsonb,
    after jsonb
);
create index audit_log_project on audit_log (project, id);

create table gateways (
    boot uuid primary key,
    name text not null,
    host text not null,
    pid integer not null,
    started_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    live_seq bigint not null,
    snapshot text not null
);
