-- How an answer ended, how many tools it calls, and the model that it says it is of.

alter table requests add column finish text not null default '', add column tool_calls integer not null default 0,
    add column served_model text not null default '';
