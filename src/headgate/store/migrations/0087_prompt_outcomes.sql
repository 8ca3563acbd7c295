-- How versions of prompts do: what their calls came to, by day, environment and release; and what was said of them.

-- `measured` is how many of the calls were counted with all that follows: a process of the version before adds none.
-- `failed` have a status of 400 or more.
alter table prompt_traffic
    add column release text not null default '',
    add column measured bigint not null default 0,
    add column failed bigint not null default 0,
    add column input bigint not null default 0,
    add column cache_read bigint not null default 0,
    add column cache_write bigint not null default 0,
    add column output bigint not null default 0,
    add column reasoning bigint not null default 0,
    add column estimated bigint not null default 0,
    add column duration_sketch integer[] not null default '{}',
    add column first_token_sketch integer[] not null default '{}';

-- Which feedback counts for which version. `day` is that of the call; `value` is null for texts.
create table prompt_said (
    project text not null,
    score text not null,
    prompt uuid not null,
    version text not null,
    source text not null,
    name text not null,
    day date not null,
    word text not null,
    kind text not null,
    value double precision,
    primary key (project, score, prompt, version)
);

-- Sums of these. `key` is a digest of the names; `yes` and `no` count the values 1 and 0.
create table prompt_feedback (
    project text not null,
    day date not null,
    key uuid not null,
    prompt uuid not null,
    version text not null,
    word text not null,
    kind text not null,
    answers bigint not null,
    numbers bigint not null,
    yes bigint not null,
    no bigint not null,
    total numeric not null,
    squares numeric not null,
    primary key (project, day, key)
);
create index prompt_feedback_prompt on prompt_feedback (project, prompt, day);

-- Feedback that came, changed or went, or whose calls did.
create table feedback_queue (
    project text not null,
    score text not null,
    not_before timestamptz not null default '-infinity',
    primary key (project, score)
);

-- Whoever writes scores, so that none is forgotten.
create function queue_feedback() returns trigger language plpgsql as $$
begin
    insert into feedback_queue (project, score)
    select project, id from changed order by project, id
    on conflict (project, score) do update set not_before = '-infinity';
    return null;
end
$$;
create trigger scores_came after insert on scores referencing new table as changed
    for each statement execute function queue_feedback();
create trigger scores_changed after update on scores referencing new table as changed
    for each statement execute function queue_feedback();
create trigger scores_went after delete on scores referencing old table as changed
    for each statement execute function queue_feedback();

insert into feedback_queue (project, score) select project, id from scores order by project, id;
