-- Prompts found in code, as teams push them; which of them traffic was made of; and what traffic matches none.

-- One row for a project that has a catalogue; `number` grows with each push that changes it.
create table catalogues (
    project text primary key,
    number bigint not null,
    changed_at timestamptz not null default clock_timestamp()
);

-- A repository or a library. `state` is the digest of what was last pushed; `settings` the parameters and models
-- that are hard-coded at its head.
create table catalogue_sources (
    project text not null,
    source text not null,
    kind text not null check (kind in ('repository', 'library')),
    head text not null,
    commits integer not null,
    commits_digest bytea not null,
    state bytea not null,
    settings jsonb not null,
    pushed_at timestamptz not null default clock_timestamp(),
    pushed_by text not null,
    primary key (project, source)
);

-- Commits in the order of their places, the oldest at 0. In a library, its versions.
create table catalogue_commits (
    project text not null,
    source text not null,
    place integer not null,
    id text collate "C" not null,
    at timestamptz,
    primary key (project, source, place)
);
create index catalogue_commits_id on catalogue_commits (project, id);

create table catalogue_templates (
    project text not null,
    version text not null,
    parts jsonb not null,
    primary key (project, version)
);

-- `prompt` is a digest of source, path and symbol, which may be longer than an index takes. `first` and `last`
-- are places of commits.
create table catalogue_versions (
    project text not null,
    source text not null,
    prompt uuid not null,
    version text not null,
    path text not null,
    symbol text not null,
    kind text not null,
    line integer not null,
    first integer not null,
    last integer not null,
    is_newest boolean not null,
    primary key (project, source, prompt, version)
);
create index catalogue_versions_prompt on catalogue_versions (project, prompt);

-- Calls whose bodies wait to be matched. `again`: they were looked at before. Who takes one leaves its claim, and
-- has until `not_before`.
create table match_queue (
    project text not null,
    day date not null,
    id uuid not null,
    queued_at timestamptz not null default clock_timestamp(),
    not_before timestamptz not null default '-infinity',
    again boolean not null default false,
    claim uuid,
    tries integer not null default 0,
    primary key (project, day, id)
);

-- What each version came to, by day and environment. `key` is a digest of the names.
create table prompt_traffic (
    project text not null,
    day date not null,
    key uuid not null,
    prompt uuid not null,
    source text not null,
    name text not null,
    version text not null,
    environment text not null,
    calls bigint not null,
    cost_usd numeric not null,
    unpriced bigint not null,
    first_seen timestamptz not null,
    last_seen timestamptz not null,
    primary key (project, day, key)
);
create index prompt_traffic_prompt on prompt_traffic (project, prompt, day);

-- How many calls were looked at, and in how many of them a message matched nothing.
create table match_days (
    project text not null,
    day date not null,
    calls bigint not null,
    unknown bigint not null,
    primary key (project, day)
);

-- Messages that match nothing, by what they share. `number` is that of the project's last change when it changed.
create table unknown_states (
    project text primary key,
    number bigint not null
);
create table unknown_prompts (
    project text not null,
    id uuid not null,
    number bigint not null,
    role text not null,
    template text not null,
    example text not null,
    example_day date not null,
    first_seen timestamptz not null,
    last_seen timestamptz not null,
    primary key (project, id)
);
create table unknown_days (
    project text not null,
    day date not null,
    id uuid not null,
    calls bigint not null,
    primary key (project, day, id)
);
