-- Lists of traces by how long they took and what they cost, and by name: in their order, so that a page reads no more
-- than itself.
create index traces_slowest on traces (project, (ended_at - started_at) desc, trace_id);
create index traces_dearest on traces (project, cost_usd desc, trace_id) where cost_usd is not null;
create index traces_name on traces (project, name, started_at desc);
