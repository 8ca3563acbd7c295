-- Releases, the moves of environments' pointers, and which prompts were seen to run outside of their release.

create table releases (
    project text not null,
    id text not null,
    name text not null default '',
    commit text not null,
    dirty text not null,
    label text not null,
    note text not null,
    parts jsonb not null,
    -- Text, not jsonb: what the id was made from stays as it was.
    manifest text not null,
    created_at timestamptz not null default clock_timestamp(),
    created_by text not null,
    primary key (project, id)
);
create unique index releases_name on releases (project, name) where name <> '';
create index releases_commit on releases (project, commit, created_at);
create index releases_created on releases (created_at, project, id);

create table environment_moves (
    seq bigint generated always as identity primary key,
    project text not null,
    environment text not null,
    action text not null check (action in ('promote', 'rollback', 'clear')),
    release text not null,
    previous text not null,
    at timestamptz not null default clock_timestamp(),
    actor text not null,
    why text not null
);
create index environment_moves_place on environment_moves (project, environment, seq);

-- One row for each that was told of, so that each is told of once.
create table prompts_unreleased (
    project text not null,
    environment text not null,
    release text not null,
    prompt text not null,
    version text not null,
    seen_at timestamptz not null default clock_timestamp(),
    primary key (project, environment, release, prompt, version)
);

create index requests_environment on requests (project, environment, day, id) where environment <> '';
create index requests_release on requests (project, release, day, id) where release <> '';

-- What a call asserts of its release, as the id of the release that it means: an id, a name, a commit, or the
-- beginning (six characters at least) of an id or commit of one release only. Null where it means none.
create function resolve_release(of_project text, wanted text) returns text language sql stable as $$
    select coalesce(
        (select r.id from releases r
            where r.project = of_project and (r.id = wanted or (r.name = wanted and r.name <> ''))
            order by r.id = wanted desc limit 1),
        (select r.id from releases r where r.project = of_project and r.commit = wanted
            order by r.created_at desc limit 1),
        (select min(r.id) from releases r
            where r.project = of_project and length(wanted) >= 6
                and (starts_with(r.id, wanted) or starts_with(r.commit, wanted))
            having count(*) = 1)
    )
$$;
