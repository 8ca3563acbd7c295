"""What sums by the hour and by day have to be: quarters of an hour added up, and what records say."""

from headgate.records.sketch import bucket_of, of_number
from headgate.store.database import Database
from headgate.store.rows import fetch_rows

_AGAIN = (
    "create temp table kept on commit drop as select * from series_sums",
    "delete from series_sums",
    "select fill_series_sums('-infinity', 'infinity')",
)
_DIFFERENT = """
select 'is kept' as what, k.* from (select * from kept except select * from series_sums) k
union all
select 'should be', s.* from (select * from series_sums except select * from kept) s
"""
_RECORDED = """
select r.project, d.dimension, d.value, s.step_s,
    extract(epoch from date_bin(make_interval(secs => s.step_s), r.started_at, '2000-01-01Z'))::bigint as at,
    count(*) as requests, sum(cost_usd) as cost_usd, count(*) filter (where cost_usd is null) as unpriced,
    array_agg(duration_ms) as durations, array_agg(first_token_ms) as first_tokens
from requests r cross join (values (3600), (86400)) s (step_s)
cross join lateral (
    values ('', ''), ('key', key), ('model', model), ('target', target), ('release', release),
        ('prompt', coalesce(prompts -> 0 ->> 'name', '')), ('environment', environment)
) d (dimension, value)
group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
"""
_SUMMED = """
select project, dimension, value, step_s, extract(epoch from at)::bigint as at,
    sum(requests)::bigint as requests, nullif(sum(cost_usd), 0) as cost_usd,
    sum(unpriced)::bigint as unpriced, sum(durations)::text as durations,
    sum(first_tokens)::text as first_tokens
from series_sums group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
"""


async def differences(database: Database) -> list[object]:
    """Return where sums by hour and day are not those of quarters of an hour, or count no calls."""
    async with database.transaction() as connection:
        for statement in _AGAIN:
            await connection.execute(statement.encode())
        found: list[object] = [*await fetch_rows(connection, _DIFFERENT)]
        found += await fetch_rows(connection, "select * from series_sums where requests <= 0")
        await connection.execute("delete from series_sums")
        await connection.execute("insert into series_sums select * from kept")
    return found


async def unlike_records(database: Database) -> list[object]:
    """Return where sums by hour and day are not those of the records, where all of these are still there."""
    async with database.connection() as connection:
        recorded = await fetch_rows(connection, _RECORDED)
        summed = await fetch_rows(connection, _SUMMED)
    for row in recorded:
        for name in ("durations", "first_tokens"):
            row[name] = sketch_of([each for each in row[name] if each is not None])
    for row in summed:
        for name in ("durations", "first_tokens"):
            row[name] = of_number(row[name])
    return [pair for pair in zip(recorded, summed, strict=True) if pair[0] != pair[1]]


def sketch_of(durations: list[int]) -> list[int]:
    """The sketch of these durations, counted bucket by bucket."""
    buckets = [bucket_of(duration) for duration in durations]
    return [buckets.count(place) for place in range(max(buckets, default=-1) + 1)]
