-- Units of an experiment that was decided go with the retention of their project; since when some are gone.
alter table experiments add column expired_at timestamptz;
