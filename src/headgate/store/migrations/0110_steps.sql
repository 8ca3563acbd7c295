-- What the steps of a call took: the number of a step, its microseconds, and so on. Null where it was not measured.

alter table requests add column steps bigint[];
