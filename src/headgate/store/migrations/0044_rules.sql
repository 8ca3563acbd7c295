-- Every version of every override rule; `body` is null where a version took the rule away.

create table rule_versions (
    name text not null,
    version integer not null,
    project text,
    body jsonb,
    created_at timestamptz not null default clock_timestamp(),
    created_by text not null,
    primary key (name, version)
);
