-- A call is found by the id that its answer has, which is what instrumentations of clients report.

create index requests_response on requests (project, response_id, day) where response_id <> '';
