-- The environments of what was summed up before: told where all calls of a row are still on record and of one
-- environment. The others stay under none, since nothing says which of their calls were of which.
-- A migration of its own: costs and charts can be read meanwhile, and only who writes sums waits.
lock table rollups in share row exclusive mode;

with recorded as (
    select date_bin('15 minutes', started_at, '2000-01-01Z') as slot, project, key, target, model,
        left(coalesce(prompts -> 0 ->> 'name', ''), 200) as prompt, release, status / 100 as status_class, environment,
        count(*) as requests
    from requests
    where environment <> ''
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
)
update rollups r
set environment = c.environment,
    -- As `records.rollup.dimensions_of` makes it.
    dimensions = encode(substring(sha256(
        convert_to(r.project, 'UTF8') || '\x00' || convert_to(r.key, 'UTF8') || '\x00' || convert_to(r.target, 'UTF8')
            || '\x00' || convert_to(r.model, 'UTF8') || '\x00' || convert_to(r.prompt, 'UTF8')
            || '\x00' || convert_to(r.release, 'UTF8') || '\x00' || convert_to(r.status_class::text, 'UTF8')
            || '\x00' || convert_to(c.environment, 'UTF8')
    ) from 1 for 16), 'hex')::uuid
from recorded c
where r.slot = c.slot and r.project = c.project and r.key = c.key and r.target = c.target and r.model = c.model
    and r.prompt = c.prompt and r.release = c.release and r.status_class = c.status_class
    and r.requests = c.requests;

select fill_series_sums('-infinity', 'infinity', array['environment']);
