-- Everything of a user or session is found by these, however many spans of others there are. And scores go by when
-- they came.
create index spans_user on spans (project, "user") where "user" <> '';
create index spans_session on spans (project, session) where session <> '';
create index scores_received on scores (project, received_at);
