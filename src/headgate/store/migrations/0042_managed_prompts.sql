-- Prompts that Headgate keeps: a name with its labels, and its versions for ever. What calls may ask for stands
-- among the live objects, of the kind `prompt`.

create table managed_prompts (
    project text not null,
    name text not null,
    labels jsonb not null default '{}',
    newest integer not null default 0,
    archived boolean not null default false,
    created_at timestamptz not null default clock_timestamp(),
    created_by text not null,
    changed_at timestamptz not null default clock_timestamp(),
    primary key (project, name)
);

-- `body` is json and not jsonb: models heed the order of a schema's members.
create table managed_versions (
    project text not null,
    name text not null,
    number integer not null,
    digest text not null,
    body json not null,
    created_at timestamptz not null default clock_timestamp(),
    created_by text not null,
    primary key (project, name, number),
    foreign key (project, name) references managed_prompts (project, name) on delete cascade
);
