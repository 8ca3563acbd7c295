-- Traces by what was said of them: by number (yes and no are 1 and 0), by text; and what was said of spans and
-- requests whose trace was not known then.
create index scores_number on scores (project, name, value, trace_id)
    where trace_id is not null and value is not null;
create index scores_text on scores (project, name, left(text, 100), trace_id)
    where trace_id is not null and kind = 'text';
create index scores_apart on scores (project) where trace_id is null and subject in ('span', 'request');
