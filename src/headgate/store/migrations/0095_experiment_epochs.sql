-- Shares that follow what is known: those of each epoch of an adaptive experiment, and in which a unit came. Epoch 0 has
-- the shares of the file.
create table experiment_epochs (
    version text not null,
    epoch integer not null,
    shares jsonb not null,
    at timestamptz not null,
    primary key (version, epoch)
);
alter table experiment_units add column epoch integer not null default 0;
