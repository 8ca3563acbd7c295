-- What sessions came to, by day. As many rows as a day has sessions, which are never more than its calls; they go with
-- these. `user` is there so that an erasure of a user takes them; calls without a session are summed without their users.
create table session_days (
    project text not null,
    day date not null,
    session text not null,
    "user" text not null,
    requests bigint not null,
    input bigint not null,
    cache_read bigint not null,
    cache_write bigint not null,
    output bigint not null,
    reasoning bigint not null,
    cost_usd numeric not null,
    unpriced bigint not null,
    estimated bigint not null,
    primary key (project, day, session, "user")
);

insert into session_days
select project, (started_at at time zone 'UTC')::date, session, case session when '' then '' else "user" end, count(*),
    sum(coalesce((usage ->> 'input')::bigint, 0) + coalesce((usage ->> 'input_audio')::bigint, 0)
        + coalesce((usage ->> 'input_image')::bigint, 0)),
    sum(coalesce((usage ->> 'cache_read')::bigint, 0) + coalesce((usage ->> 'cache_read_audio')::bigint, 0)),
    sum(coalesce((usage ->> 'cache_write')::bigint, 0) + coalesce((usage ->> 'cache_write_1h')::bigint, 0)),
    sum(coalesce((usage ->> 'output')::bigint, 0) + coalesce((usage ->> 'output_audio')::bigint, 0)
        + coalesce((usage ->> 'output_image')::bigint, 0)),
    sum(coalesce((usage ->> 'reasoning')::bigint, 0)), coalesce(sum(cost_usd), 0),
    count(*) filter (where cost_usd is null), count(*) filter (where estimated)
from requests group by 1, 2, 3, 4;
