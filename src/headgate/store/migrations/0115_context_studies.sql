-- Which pieces of contexts helped, over many calls or a dataset's cases: what was looked for, and each call replayed.

-- `digest` is that of the definition: the same study goes on, instead of beginning anew.
create table context_studies (
    id uuid primary key,
    project text not null,
    key text not null,
    digest text not null,
    dataset text not null default '',
    definition jsonb not null,
    began_at timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp(),
    ended text not null default ''
);
create index context_studies_project on context_studies (project, id);
create unique index context_studies_same on context_studies (project, key, digest);

-- No text stands here: ids of the calls, and what each piece did. `calls` are the replays' own.
create table context_replays (
    study uuid not null references context_studies (id) on delete cascade,
    project text not null,
    subject text not null,
    request_id uuid,
    calls uuid[] not null default '{}',
    result jsonb not null,
    at timestamptz not null default clock_timestamp(),
    primary key (study, subject)
);
create index context_replays_request on context_replays (request_id);
create index context_replays_calls on context_replays using gin (calls);
