-- Rollouts: where each stands, and how it came to. A version is the digest of all that its evidence depends on;
-- `stage` is a place among its stages, -1 where it fell back.
create table rollouts (
    version text primary key,
    name text not null,
    stage integer not null,
    held boolean not null default false,
    began_at timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp()
);
create table rollout_moves (
    id bigint generated always as identity primary key,
    version text not null references rollouts (version),
    name text not null,
    at timestamptz not null default clock_timestamp(),
    action text not null check (action in ('begin', 'advance', 'hold', 'back')),
    moved_by text not null,
    from_stage text not null,
    to_stage text not null,
    why text not null
);
create index rollout_moves_version on rollout_moves (version, id desc);
