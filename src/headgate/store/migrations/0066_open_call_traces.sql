-- A call that dies with its gateway belongs to its trace and session, which it knew when it began.
alter table open_calls
    add column session text not null default '',
    add column trace_id text not null default '',
    add column parent_span_id bigint;
