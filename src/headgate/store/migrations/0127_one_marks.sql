-- One process at a time marks the answers of a rollout's compared calls: until when, and which. What waits is found in the
-- order in which it came, and what a day has cost among that day's.
alter table rollouts add column scorer uuid, add column scored_until timestamptz;
create index rollout_pairs_unmarked on rollout_pairs (version, at) where is_first and scores is null;
create index rollout_pairs_at on rollout_pairs (version, at) where is_first;
