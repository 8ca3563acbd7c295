-- Requests are found by the end of their id, as logs cut it: its last twelve digits, read from behind. What an id begins
-- with is a time, so that its beginning is found by the primary key.
create index requests_end on requests (reverse(right(id::text, 12)) collate "C");
