-- Lists of shadows are read in order, however few there are and however long ago.
create index requests_shadows on requests (day, id) where exposures @> '[{"by": "shadow"}]';
