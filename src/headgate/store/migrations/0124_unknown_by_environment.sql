-- In which environments it is said what no prompt explains: calls by environment, beside `calls`, which has them all. What
-- an older process counts beside newer ones is in none of them.
alter table unknown_days add column environments jsonb not null default '{}';
alter table match_days add column environments jsonb not null default '{}';

-- Of the groups of a day whose calls are all on record.
update unknown_days d set environments = found.environments
from (
    select project, day, id, sum(calls) as calls, jsonb_object_agg(environment, calls) as environments
    from (
        select c.project, c.day, c.id, r.environment, count(*) as calls
        from unknown_calls c join requests r on r.day = c.day and r.id = c.request
        group by 1, 2, 3, 4
    ) said
    group by 1, 2, 3
) found
where found.project = d.project and found.day = d.day and found.id = d.id and found.calls = d.calls;

-- Of the days whose chats, as many as were looked at, are all on record.
update match_days d set environments = found.environments
from (
    select project, day, sum(calls) as calls, jsonb_object_agg(environment, calls) as environments
    from (
        select r.project, r.day, r.environment, count(*) as calls
        from match_days m join requests r on r.project = m.project and r.day = m.day
        where r.operation in ('chat', 'completions')
        group by 1, 2, 3
    ) chats
    group by 1, 2
) found
where found.project = d.project and found.day = d.day and found.calls = d.calls;
