-- Which entry of headgate.toml a rollout is of, whatever serves its alias: one that fell back stays back until its entry changes.
alter table rollouts add column entry text not null default '';
