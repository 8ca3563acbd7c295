-- Staged rollouts. See rollouts/moving.py.

-- name: begin
insert into rollouts (version, name, stage) values (%(version)s, %(name)s, 0)
on conflict (version) do nothing returning version;

-- name: get
select version, stage, held from rollouts where version = any(%(versions)s::text[]);

-- name: move
-- Only from where it was seen to stand: of two that move it, one does.
update rollouts set stage = %(to)s, held = %(held)s, changed_at = clock_timestamp()
where version = %(version)s and stage = %(from)s and held = %(was_held)s
returning version;

-- name: add_move
insert into rollout_moves (version, name, action, moved_by, from_stage, to_stage, why)
values (%(version)s, %(name)s, %(action)s, %(moved_by)s, %(from_stage)s, %(to_stage)s, %(why)s);

-- name: list_moves
select at, action, moved_by, from_stage, to_stage, why from rollout_moves
where version = %(version)s order by id desc limit 100;
