-- Where prompts are used, by model and key; and what was said of them, by environment.

-- What calls of a prompt asked for (`kind` is model) and with which key (`kind` is key), by day and environment. `key`
-- is a digest of the names. Counts from here on: what was called before names neither.
create table prompt_places (
    project text not null,
    day date not null,
    key uuid not null,
    prompt uuid not null,
    environment text not null,
    kind text not null,
    named text not null,
    calls bigint not null,
    primary key (project, day, key)
);
create index prompt_places_prompt on prompt_places (project, prompt, day);

-- The environment is that of the call; where feedback names a trace, of the version's first call in it.
alter table prompt_said add column environment text not null default '';
alter table prompt_feedback add column environment text not null default '';

-- All that was said is counted anew, by environment.
insert into feedback_queue (project, score)
select project, score from prompt_said group by project, score order by project, score
on conflict (project, score) do nothing;
