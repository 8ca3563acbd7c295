-- The whole label of a call on its record, and on each message that it left.
alter table requests add column label_readers text[], add column label_purposes text[];
alter table messages add column label text not null default '';
