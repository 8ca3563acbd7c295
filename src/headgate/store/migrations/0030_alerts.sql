-- What people should hear of, and the webhooks that tell them.

create table alerts (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    kind text not null,
    subject text not null,
    project text not null default '',
    message text not null
);
create index alerts_project on alerts (project, id);
create index alerts_at on alerts using brin (at);

create table webhooks (
    id text primary key,
    url text not null,
    secret text not null,
    kinds text[],
    created_at timestamptz not null default clock_timestamp(),
    created_by text not null
);

-- One alert on its way to one webhook. Ended when delivered_at or given_up_at is set.
create table webhook_deliveries (
    alert bigint not null references alerts on delete cascade,
    webhook text not null references webhooks on delete cascade,
    attempts integer not null default 0,
    due_at timestamptz not null default clock_timestamp(),
    delivered_at timestamptz,
    given_up_at timestamptz,
    last_error text,
    primary key (alert, webhook)
);
create index webhook_deliveries_due on webhook_deliveries (due_at)
    where delivered_at is null and given_up_at is null;
create index webhook_deliveries_webhook on webhook_deliveries (webhook, alert);
