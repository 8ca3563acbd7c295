-- Which data folder a gateway runs from: names of hosts aren't unique, and gateways of two hosts with one name must
-- not be taken for one. Empty for gateways of the version before.
alter table gateways add column host_id text not null default '';
