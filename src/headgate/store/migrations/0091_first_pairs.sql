-- Of each unit the first comparison counts: marked as it comes, so that no report has to sort them all.
alter table rollout_pairs add column is_first boolean not null default false;
update rollout_pairs set is_first = true
where place in (
    select distinct on (version, project, unit) place from rollout_pairs order by version, project, unit, place
);
drop index rollout_pairs_units;
create index rollout_pairs_firsts on rollout_pairs (version, project, unit) where is_first;
create index rollout_pairs_versions on rollout_pairs (version);
