-- A rollout that is held may be let go on.
alter table rollout_moves drop constraint rollout_moves_action_check;
alter table rollout_moves add constraint rollout_moves_action_check
    check (action in ('begin', 'advance', 'hold', 'resume', 'back'));
