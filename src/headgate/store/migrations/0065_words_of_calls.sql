-- The words of recorded calls of traces, beside those of spans: `request_id` names the call, whose span_id is that of
-- its span in exports. Bodies arrive a moment after their calls: until then a row of the queue waits.
alter table span_words add column request_id uuid;
alter table text_queue add column request_ids uuid[] not null default '{}';
alter table text_queue add column due_at timestamptz not null default now();
