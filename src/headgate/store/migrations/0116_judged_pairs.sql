-- Two recorded answers side by side: `request_id` is the call whose answer is a, `other_request_id` that of b.

alter table judged_items add column other_request_id uuid;
alter table judged_items drop constraint judged_items_subject_check;
alter table judged_items add constraint judged_items_subject_check
    check (subject in ('request', 'span', 'case', 'pair'));
create index judged_items_other_request on judged_items (other_request_id, project)
    where other_request_id is not null;
