-- Which calls hold a message of a group that no prompt explains.
create table unknown_calls (
    id uuid not null,
    day date not null,
    request uuid not null,
    project text not null,
    primary key (id, day, request)
);
create index unknown_calls_day on unknown_calls (project, day);
