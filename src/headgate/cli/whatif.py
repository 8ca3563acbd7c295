"""`headgate whatif`: what recorded calls would have cost under other models, prices, limits or rules.

The server reads its records and sums up; this shows how far it is. Read next:
`headgate.releases.whatif_http`.
"""

import json
import math
import re
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import typer

from headgate.cli.client import PREFIX, Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import CommandFailed
from headgate.cli.output import Column, moment, usd

UNITS_S = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class Different(msgspec.Struct, frozen=True, kw_only=True):
    """What is different."""

    model: Annotated[
        list[str],
        typer.Option(help="Calls of a name go to another model: ALIAS=provider/model; repeat."),
    ] = []
    price: Annotated[
        list[str],
        typer.Option(help="Another price, USD per million tokens: provider/model:input=1,output=2; repeat."),
    ] = []
    limit: Annotated[
        list[str],
        typer.Option(help="Another limit of a budget: BUDGET=AMOUNT, as in all='10 USD'; repeat."),
    ] = []
    rules: Annotated[
        Path | None, typer.Option(help="Rules to apply: a JSON or TOML file, as `POST /rules` takes them.")
    ] = None


class Looking(msgspec.Struct, frozen=True, kw_only=True):
    """At which calls."""

    since: Annotated[
        str,
        typer.Option(help="How far back (7d, 24h, 30m), or a time such as 2026-11-21T08:00:00Z."),
    ] = "7d"
    until: Annotated[str | None, typer.Option(help="Before this time.")] = None
    project: Annotated[str | None, typer.Option(help="Only calls of this project.")] = None
    calls: Annotated[int, typer.Option(help="Look at so many calls at most; of more, at a sample.")] = 20_000
    seed: Annotated[int, typer.Option(help="Which sample.")] = 1


GROUPS = (
    Column("model", "model"),
    Column("target", "target"),
    Column("would go to", "new_target"),
    Column("calls", "calls", right=True),
    Column("cost", "actual_usd", usd, right=True),
    Column("would cost", "would_usd", lambda value: _amount(value), right=True),
)
BUDGETS = (
    Column("budget", "name"),
    Column("scope", "scope"),
    Column("window from", "window_start", moment),
    Column("limit", "limit_usd", usd, right=True),
    Column("would spend", "spent_usd", usd, right=True),
    Column("refused", "refused_calls", right=True),
    Column("ended", "ended_at", moment),
)


@over_api
def whatif(api: Api, different: Different, looking: Looking) -> None:
    """Say what recorded calls would have cost with other models, prices, limits or rules.

    Exact where the tokens are known; else with an interval, and how it was made.
    """
    body: Json = {
        "models": dict(_pair(each, "--model", "ALIAS=provider/model") for each in different.model),
        "prices": dict(_price(each) for each in different.price),
        "limits": dict(_pair(each, "--limit", "BUDGET=AMOUNT") for each in different.limit),
        "rules": [] if different.rules is None else _rules(different.rules),
        "project": looking.project,
        "from": _since(looking.since),
        "to": looking.until,
        "calls_max": looking.calls,
        "seed": looking.seed,
    }
    answer = _followed(api, {name: value for name, value in body.items() if value not in (None, [], {})})
    if api.out.as_json:
        api.out.json(answer)
        return
    api.out.rows(answer["groups"], GROUPS, empty="No calls on record in that time.")
    if answer["budgets"]:
        api.out.text("")
        api.out.rows(answer["budgets"], BUDGETS, empty="")
    api.out.text(f"\n{_summary(answer)}")
    for method in answer["methods"]:
        api.out.say(method)


def _summary(answer: Json) -> str:
    calls = f"{answer['calls']} calls cost {usd(answer['actual_usd'])}"
    refused = f", with {answer['refused_calls']} refused" if answer["refused_calls"] else ""
    exactly = "exactly " if answer["exact"] else ""
    return f"{calls}; they would have cost {exactly}{_amount(answer['would_usd'])}{refused}"


def _amount(amount: Json) -> str:
    if amount["low_usd"] == amount["high_usd"]:
        return usd(amount["value_usd"])
    return (
        f"{_rounded(amount['value_usd'])} ({_rounded(amount['low_usd'])} to {_rounded(amount['high_usd'])})"
    )


def _rounded(text: str) -> str:
    """An estimate's digits: four that count."""
    amount = float(text)
    places = 2 if amount == 0 else min(12, max(2, 3 - math.floor(math.log10(abs(amount)))))
    return f"${amount:.{places}f}"


def _followed(api: Api, body: Json) -> Json:
    """Ask, and show how far the server is where somebody watches."""
    shows = sys.stderr.isatty()
    answer: Json | None = None
    for event, data in api.client.events(f"{PREFIX}/whatif/stream", body):
        if event == "progress" and shows:
            done, of = data["done"], data["of"]
            filled = "#" * (30 * done // of if of else 30)
            print(f"\r\033[K[{filled:<30}] {done} of {of} calls", end="", file=sys.stderr, flush=True)
        elif event == "answer":
            answer = data
        elif event == "error":
            raise CommandFailed(data["error"]["message"], data["error"]["hint"])
    if shows:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    if answer is None:
        raise CommandFailed("the server ended without an answer", "look at the log of `headgate up`")
    return answer


def _pair(text: str, flag: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise CommandFailed(f"{flag} {text!r} is not understood", f"write {form}")
    return name, value


def _price(text: str) -> tuple[str, dict[str, str]]:
    name, colon, table = text.rpartition(":")
    if not colon or "/" not in name:
        raise CommandFailed(f"--price {text!r} is not understood", "write provider/model:input=1,output=2")
    return name, dict(_pair(each, "--price", "provider/model:input=1,output=2") for each in table.split(","))


def _since(text: str) -> str:
    found = re.fullmatch(r"(\d{1,6})([mhdw])", text)
    if found is None:
        return text
    back = timedelta(seconds=int(found[1]) * UNITS_S[found[2]])
    return (datetime.now(UTC) - back).isoformat()


def _rules(path: Path) -> list[Any]:
    """Read rules: a JSON list or object, or TOML with a list `rules`."""
    try:
        text = path.read_text(encoding="utf-8")
        found: Any = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise CommandFailed(f"{path} can't be read: {error}", "name a JSON or TOML file of rules") from error
    if isinstance(found, dict):
        members = cast("dict[str, Any]", found)
        found = members.get("rules", [members])
    if not isinstance(found, list):
        raise CommandFailed(f"{path} holds no rules", "write a list, or TOML tables [[rules]]")
    return cast("list[Any]", found)
