-- Calls are found by their experiment and arm. Those of no experiment are not in it.
create index requests_exposures on requests using gin (exposures jsonb_path_ops) where exposures <> '[]';
