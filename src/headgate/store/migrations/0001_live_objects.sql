-- What takes effect without a new snapshot; every change has the next number of one sequence.
create table live_sequence (
    one boolean primary key default true check (one),
    seq bigint not null
);
insert into live_sequence (seq) values (0);

create table live_objects (
    kind text not null,
    id text not null,
    seq bigint not null unique,
    body jsonb,
    deleted_at timestamptz,
    primary key (kind, id)
);
