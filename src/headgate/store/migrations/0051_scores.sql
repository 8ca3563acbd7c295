-- What people, code and models say of a trace, span, request, session or user. `subject` is what was named;
-- `trace_id` is also filled in where what was named turns out to belong to a trace.
-- No row-level security: every query takes project_ids.
create table scores (
    project text not null,
    id text not null,
    key text not null,
    name text not null,
    kind text not null check (kind in ('number', 'boolean', 'text')),
    value double precision,
    text text not null,
    comment text not null,
    source text not null check (source in ('person', 'code', 'model')),
    said_by text not null,
    at timestamptz not null,
    received_at timestamptz not null default clock_timestamp(),
    subject text not null check (subject in ('request', 'trace', 'span', 'session', 'user', 'business_id')),
    request_id uuid,
    trace_id uuid,
    span_id bigint,
    session text not null,
    "user" text not null,
    business_id text not null,
    primary key (id, project)
);
create index scores_at on scores (at desc, id desc);
create index scores_name on scores (project, name, at desc);
create index scores_trace on scores (trace_id, project) where trace_id is not null;
create index scores_request on scores (request_id, project) where request_id is not null;
create index scores_span on scores (span_id, project) where span_id is not null;
create index scores_session on scores (project, session, at desc) where session <> '';
create index scores_user on scores (project, "user", at desc) where "user" <> '';
create index scores_business on scores (business_id, project) where business_id <> '';
