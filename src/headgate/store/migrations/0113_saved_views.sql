-- Views of a list that people have saved under a name, for all who see the project. `search` is what the console's
-- address says, as JSON: names of people may stand there.
create table saved_views (
    id uuid primary key,
    project text not null,
    page text not null,
    name text not null,
    search text not null,
    made_by text not null,
    changed_at timestamptz not null default clock_timestamp(),
    unique (project, page, name)
);
