-- Which bodies a business system has sent already, by digest, so that a copy sent by somebody else later does nothing.
create table feedback_deliveries (
    system text not null,
    digest bytea not null,
    received_at timestamptz not null default clock_timestamp(),
    primary key (system, digest)
);
create index feedback_deliveries_received on feedback_deliveries (received_at);
