"""How long the list of prompts takes at a thousand prompts: `python -m bench.prompts_listed [PROMPTS]`.

A real Headgate with its own PostgreSQL, whose sums are filled by SQL: of each prompt three versions on each
of 31 days, in two environments, from three models and keys, and said something of. Each question is one that
the console asks, over HTTP. What is printed has the first answer, the median and the bar.
"""

import statistics
import sys
import time
from typing import Final

import psycopg
from demo.running import Running, headgate

from headgate.prompts.catalogue.model import digest_of

PROMPTS: Final = 1000
BAR_MS: Final = 300
ROUNDS: Final = 5
SOURCE: Final = "shop"
MONTH: Final = {"sort": "calls", "limit": "100", "days": "30"}
CONFIG: Final = '[providers.mock]\nkind = "mock"\n\n[models.assistant]\ntargets = ["mock/small"]\n'

# The names of prompts and their digests are given; what is counted comes of their places.
FILLING: Final = """
create temporary table made as
select * from unnest(%(prompts)s::uuid[], %(names)s::text[]) with ordinality as t (prompt, name, place);

create temporary table days as
select current_date - day as day, day as place, environment
from generate_series(0, 30) day, unnest(array['production', 'staging']) environment;

insert into catalogue_templates (project, version, parts)
select 'default', v::text, jsonb_build_array('You are a clerk, number ' || v) from generate_series(1, 3) v;

insert into catalogue_versions (
    project, source, prompt, version, path, symbol, kind, line, first, last, is_newest
)
select 'default', 'shop', prompt, v::text, split_part(name, ':', 1), split_part(name, ':', 2), 'constant',
    1, v, v, v = 3
from made, generate_series(1, 3) v;

insert into prompt_traffic (
    project, day, key, prompt, source, name, version, environment, calls, cost_usd, unpriced, first_seen,
    last_seen
)
select 'default', d.day, gen_random_uuid(), prompt, 'shop', name, v::text, environment,
    1 + (made.place * d.place * v) %% 97, 0.01, 0, now(), now()
from made, days d, generate_series(1, 3) v;

insert into prompt_places (project, day, key, prompt, environment, kind, named, calls)
select 'default', day, gen_random_uuid(), prompt, environment, kind, kind || '-' || n,
    1 + (made.place * n) %% 9
from made, days d, unnest(array['model', 'key']) kind, generate_series(1, 3) n;

insert into prompt_feedback (
    project, day, key, prompt, version, environment, word, kind, answers, numbers, yes, no, total, squares
)
select 'default', day, gen_random_uuid(), prompt, v::text, environment, 'helpful', 'boolean', 9, 9, 6, 3, 6, 6
from made, days d, generate_series(1, 3) v;
"""


def fill(running: Running, prompts: int) -> None:
    """Write the sums, and have the database look at them once."""
    names = [f"shop/prompts_{number % 50}.py:PROMPT_{number}" for number in range(prompts)]
    digests = [digest_of(SOURCE, name) for name in names]
    with psycopg.connect(running.database_url(), autocommit=True) as connection:
        with psycopg.ClientCursor(connection) as cursor:
            cursor.execute(FILLING, {"prompts": digests, "names": names})
        connection.execute(
            "vacuum analyze prompt_traffic, prompt_places, prompt_feedback, catalogue_versions"
        )


def measured(running: Running, **asked: str) -> list[float]:
    """Ask some times; return how many milliseconds each answer took."""
    took: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        found = running.get("/prompts", **asked)
        took.append(1000 * (time.perf_counter() - began))
        assert found["items"]
    return took


def main() -> None:
    """Fill, ask and print."""
    prompts = int(sys.argv[1]) if len(sys.argv) > 1 else PROMPTS
    with headgate(CONFIG) as running:
        fill(running, prompts)
        print(f"{prompts} prompts, 3 versions, 31 days, 2 environments; bar {BAR_MS} ms")
        for title, asked in (
            ("30 days, the first 100 by calls", MONTH),
            ("a day, the first 100 by calls", {"sort": "calls", "limit": "200", "days": "1"}),
            ("30 days of an environment", {**MONTH, "environment": "staging"}),
            ("30 days, the first 50 by name", {"limit": "50", "days": "30"}),
        ):
            took = measured(running, **asked)
            print(f"{title:34} first {took[0]:4.0f} ms, median {statistics.median(took):4.0f} ms")


if __name__ == "__main__":
    main()
