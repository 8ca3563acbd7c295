-- Judges, the answers that are marked, and marks. No row-level security: every query takes project_ids.

create table judges (
    project text not null,
    name text not null,
    version text not null,
    question text not null,
    definition text not null,
    made_at timestamptz not null default clock_timestamp(),
    made_by text not null,
    put_at timestamptz not null default clock_timestamp(),
    primary key (project, name, version)
);

-- An answer, or a pair. `content` is empty where it is read from the record of the call. `wanted` is how many people
-- are to mark it (0: it is in no queue), `chosen` why; `lot` decides who is in the random sample, and in which order
-- answers are marked.
create table judged_items (
    project text not null,
    id uuid not null,
    judge text not null,
    subject text not null check (subject in ('request', 'span', 'case')),
    case_name text not null,
    request_id uuid,
    trace_id uuid,
    span_id bigint,
    key text not null,
    "user" text not null,
    session text not null,
    content text not null,
    length_a int not null,
    length_b int not null,
    model_a text not null,
    model_b text not null,
    lot double precision not null,
    sampled boolean not null,
    wanted int not null default 0,
    chosen text not null default '',
    chosen_at timestamptz,
    at timestamptz not null default clock_timestamp(),
    primary key (project, id)
);
create index judged_items_judge on judged_items (project, judge, lot);
create index judged_items_queue on judged_items (project, judge, lot) where wanted > 0;
create index judged_items_request on judged_items (request_id, project) where request_id is not null;
create index judged_items_trace on judged_items (trace_id, project) where trace_id is not null;
create index judged_items_user on judged_items (project, "user") where "user" <> '';
create index judged_items_session on judged_items (project, session) where session <> '';

-- `version` is a judge's, `question` what people answered; `value` is null where a judge gave no verdict.
create table marks (
    project text not null,
    item uuid not null,
    source text not null check (source in ('person', 'judge')),
    said_by text not null,
    version text not null,
    question text not null,
    shown text not null,
    repeat int not null,
    value double precision,
    sure double precision,
    comment text not null,
    key text not null,
    at timestamptz not null default clock_timestamp(),
    primary key (project, item, source, version, question, said_by, shown, repeat)
);
create index marks_key on marks (project, key);
