-- What was changed in a call before it was sent, which environment it belongs to, and its parameters.

alter table requests add column overrides jsonb not null default '[]';
alter table requests add column environment text not null default '';
alter table requests add column parameters jsonb;

-- Parameters of calls whose body is recorded; those of others stand in `requests`.
alter table request_bodies add column parameters jsonb;
