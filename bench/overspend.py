"""`make overspend`: one dollar, 200 agents in a loop, and all that goes wrong, for Headgate and its peers.

Each gets the same: clients who hang up, processes that are killed, a store that is stopped for a while, and a
provider that bills every call that arrived. Never says who is better, only what was billed. Read next:
`bench.overspend_attacked`.
"""

import argparse
import asyncio
import datetime
import itertools
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Literal, assert_never

import msgspec
from rich.console import Console

from bench.overspend_attacked import LIMIT_USD, Attacked, Start
from bench.overspend_clients import Call, Crowd, Seen
from bench.overspend_headgate import headgate_attacked
from bench.overspend_peers import litellm_attacked, tensorzero_attacked
from bench.overspend_provider import Running as Shop
from bench.overspend_provider import content, provider
from bench.overspend_table import Attack, Outcome, markdown, print_table
from bench.readme import replace_between
from bench.starting import CACHE, CannotStart

ATTACKED: Mapping[str, Start] = {
    "headgate": headgate_attacked,
    "litellm": litellm_attacked,
    "tensorzero": tensorzero_attacked,
}
README = CACHE.parent / "README.md"

CLIENTS = 200
OUTPUT_MAX = 1000
HANGUPS = 0.1
LATENCY_S = 0.5
SECONDS = 60.0
EVENTS: Sequence[tuple[float, Literal["kill", "stop", "start"]]] = (
    (0.08, "kill"),
    (0.2, "kill"),
    (0.35, "stop"),
    (0.5, "start"),
    (0.65, "kill"),
)
"""What happens when, as parts of the attack's length."""
QUIET_S = 5.0
"""How long the attacked have to write down what they know, before the accounts are compared."""


def main(arguments: Sequence[str]) -> int:
    """Attack one after the other; print the table and write it down."""
    parser = argparse.ArgumentParser(prog="python -m bench.overspend")
    parser.add_argument("--only", help="whom to attack, such as headgate,tensorzero")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of each attack")
    parser.add_argument("--output", type=Path, help="where the results go; else into the cache folder")
    parser.add_argument("--again", type=Path, metavar="JSON", help="show earlier results; attack nobody")
    parser.add_argument("--write-readme", action="store_true", help="put the table into README.md")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _end_in_order)
    talk = Console(stderr=True)
    if options.again:
        attack = msgspec.json.decode(options.again.read_bytes(), type=Attack)
    else:
        names = options.only.split(",") if options.only else list(ATTACKED)
        unknown = [name for name in names if name not in ATTACKED]
        if unknown:
            raise SystemExit(f"error: nobody is called {unknown[0]!r}\nhint: one of {', '.join(ATTACKED)}")
        attack = _attack_all(names, options.seconds, talk)
        talk.print(f"written to {_save(attack, options.output)}")
    print_table(attack, Console())
    if options.write_readme:
        replace_between(README, "overspend", markdown(attack))
        talk.print(f"{README.name} shows it")
    own = [outcome for outcome in attack.outcomes if outcome.name == "headgate"]
    return int(any(outcome.over_pico_usd > 0 or outcome.lost for outcome in own))


def _end_in_order(number: int, frame: FrameType | None) -> None:
    # An exception, so that everything that was started is ended.
    raise SystemExit(128 + number)


def _attack_all(names: Sequence[str], seconds: float, talk: Console) -> Attack:
    outcomes: list[Outcome] = []
    missing: dict[str, str] = {}
    for name in names:
        talk.print(f"attacking {name} for {seconds:.0f} s ...")
        try:
            outcomes.append(_attack_one(name, seconds))
        except (CannotStart, OSError, subprocess.SubprocessError) as reason:
            if name == "headgate":
                raise SystemExit(f"error: {reason}") from reason
            # Those before it have been attacked all the same.
            talk.print(f"{name} is left out: {reason}")
            missing[name] = str(reason).partition("\n")[0]
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return Attack(
        date=today,
        limit_usd=LIMIT_USD,
        clients=CLIENTS,
        seconds=seconds,
        outcomes=tuple(outcomes),
        missing=missing,
    )


def _attack_one(name: str, seconds: float) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix=f"overspend-{name}-"))
    try:
        with provider(latency_s=LATENCY_S) as shop, ATTACKED[name](shop, folder / "place") as attacked:
            seen, killed = asyncio.run(_attack(attacked, seconds))
            return _outcome(name, attacked, seen, killed, shop)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _attack(attacked: Attacked, seconds: float) -> tuple[Sequence[Seen], int]:
    """Attack for so long; return what the clients saw and how many processes were killed."""
    crowd = Crowd(attacked.place, _calls(attacked), clients=CLIENTS)
    running = asyncio.create_task(crowd.run())
    killed = 0
    began_s = asyncio.get_running_loop().time()
    try:
        for part, act in EVENTS:
            await asyncio.sleep(max(0.0, began_s + part * seconds - asyncio.get_running_loop().time()))
            match act:
                case "kill":
                    killed += await asyncio.to_thread(attacked.kill)
                case "stop":
                    await asyncio.to_thread(attacked.stop_store)
                case "start":
                    await asyncio.to_thread(attacked.start_store)
                case _:
                    assert_never(act)
        await asyncio.sleep(max(0.0, began_s + seconds - asyncio.get_running_loop().time()))
    finally:
        crowd.stop()
        await running
    await asyncio.sleep(QUIET_S)
    return crowd.seen, killed


def _calls(attacked: Attacked) -> Iterator[Call]:
    """An agent's calls: always the next step, whatever became of the last; half of them streamed."""
    chance = random.Random(7)
    for number in itertools.count():
        text = content(f"c{number}", "key", f"agent-{number % CLIENTS}", OUTPUT_MAX)
        body: dict[str, object] = {
            "model": attacked.model,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": OUTPUT_MAX,
        }
        if chance.random() < 0.5:
            body["stream"] = True
        hangup_s = chance.uniform(0.01, LATENCY_S) if chance.random() < HANGUPS else None
        yield Call(f"c{number}", json.dumps(body).encode(), attacked.headers, hangup_s)


def _outcome(name: str, attacked: Attacked, seen: Sequence[Seen], killed: int, shop: Shop) -> Outcome:
    # The accounts first: what was begun may still be billed while they are waited for.
    account = attacked.account(seen)
    bill = shop.bill()
    statuses = Counter(str(one.status) if one.status else one.code or "cut" for one in seen)
    return Outcome(
        name=name,
        version=attacked.version,
        billed_pico_usd=bill.pico_usd,
        over_pico_usd=max(0, bill.pico_usd - LIMIT_USD * 10**12),
        counted_pico_usd=account.counted,
        calls=len(seen),
        answered=sum(one.is_answered for one in seen),
        refused=sum(one.status >= 400 for one in seen),
        hung_up=statuses["hung up"],
        killed=killed,
        lost=account.lost,
        statuses=dict(statuses),
        notes=tuple(attacked.notes),
    )


def _save(attack: Attack, path: Path | None) -> Path:
    path = path or CACHE / "results" / f"overspend-{attack.date}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(attack), indent=2))
    return path


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
