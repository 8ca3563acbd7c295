-- What a running call has cost so far: attempts that have ended are known, only the open one is not.
-- `charged_usd` is the sum of those that ended; `is_open` says whether one runs, which `reserved_usd` is for.
alter table open_calls
    add column charged_usd numeric not null default 0,
    add column is_open boolean not null default true;
