-- Feedback on a trace counts for each version of a prompt that its calls hold, and for the prompt as a whole once: under
-- the version of the first call. `is_again` is what counts under a further one.
alter table prompt_said add column is_again boolean not null default false;
alter table prompt_feedback add column is_again boolean not null default false;

-- What counts under several versions is counted anew.
insert into feedback_queue (project, score)
select distinct project, score from (
    select project, score from prompt_said group by project, score, prompt having count(*) > 1
) several
order by project, score
on conflict (project, score) do update set not_before = '-infinity';
