-- A recorded call belongs to the trace whose spans name its answer, whichever comes first: spans are looked up by the
-- answer's id too, and calls that have come wait here, a row for each batch, until that was done.
create index spans_response on spans (project, response_id) where response_id <> '';
create table answer_queue (
    id bigint generated always as identity primary key,
    day date not null,
    project text not null,
    calls uuid[] not null
);
-- Ids of answers that this trace's spans tell of, and whose calls another trace has: they don't count here.
alter table traces add column elsewhere text[] not null default '{}';
