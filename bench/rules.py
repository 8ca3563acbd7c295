"""What override rules cost a call: none, one that does not fit, and one of each kind that does.

`python -m bench.rules` prints microseconds a call, the least of many rounds. The bar is 50 for a rule that
applies; the body is 8 kB of a chat with tools.
"""

import json
import sys
from typing import Any, Final

import msgspec

from bench.least import least_us
from headgate.releases.applying import Subject, compile_rules
from headgate.releases.rules import Rule
from headgate.wire.members import Members
from headgate.wire.model import CallFacts
from headgate.wire.reading import read_call, read_with_members, reread
from headgate.wire.routes import match

BAR_US: Final = 50.0

SENTENCES: Final = " ".join(
    f"Guideline {number}: answer in the words of section {number}." for number in range(60)
)
SYSTEM: Final = f"You are a careful assistant of the support team.\n\n{SENTENCES}\n\nNever guess a price."

CASES: Final[dict[str, dict[str, Any]]] = {
    "one of another model": {"match": {"model": "other"}, "set": {"temperature": 0}},
    "one of another tag": {"match": {"tag": "other"}, "set": {"temperature": 0}},
    "one of another template": {
        "match": {"template": "a.py:B"},
        "fragments": ["You are a careless assistant of the support team."],
        "set": {"temperature": 0},
    },
    "sets a parameter": {"set": {"temperature": 0}},
    "clamps a parameter": {"clamp": {"max_output": {"most": 100}}},
    "pins a model": {"model": "another"},
    "replaces a fragment": {"replace": [{"old": "Never guess a price.", "new": "Never name a price."}]},
    "matches a template, share, sets": {
        "match": {"template": "a.py:B"},
        "fragments": ["You are a careful assistant", "Never guess a price."],
        "share": 0.999999,
        "set": {"temperature": 0},
    },
    "all of it": {
        "match": {"template": "a.py:B", "model": "gpt-*", "tag": "red"},
        "fragments": ["You are a careful assistant", "Never guess a price."],
        "set": {"temperature": 0, "seed": 1},
        "clamp": {"max_output": {"most": 100}},
        "replace": [{"old": "Never guess a price.", "new": "Never name a price."}],
        "model": "another",
    },
}


def body() -> bytes:
    """A chat of 8 kB, as an agent sends it."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": SYSTEM}]
    for turn in range(6):
        messages.append({"role": "user", "content": f"Question {turn}? " + "More of it. " * 12})
        messages.append({"role": "assistant", "content": f"Answer {turn}. " + "More of it. " * 12})
    tools: list[dict[str, Any]] = [
        {"type": "function", "function": {"name": f"tool_{n}", "parameters": {}}} for n in range(8)
    ]
    call: dict[str, Any] = {
        "model": "gpt-4o",
        "temperature": 0.7,
        "max_tokens": 900,
        "tools": tools,
        "messages": messages,
    }
    # Compact, as the official clients write it.
    return json.dumps(call, separators=(",", ":"), ensure_ascii=False).encode()


def facts() -> tuple[CallFacts, Members | None]:
    """What a gateway has read of the call before rules come."""
    route = match("POST", "/v1/chat/completions")
    assert route is not None
    return read_with_members(route, [], body())


def main() -> int:
    """Print the table; 1 where a rule costs more than the bar."""
    call, members = facts()
    subject = Subject(
        project="default", now_ms=0, sticky=b"user anna", resolves=lambda name: True, tags=("red",)
    )
    slowest = 0.0
    reading_us = least_us(lambda: read_call(call.route, [], call.body))
    print(f"{len(call.body)} bytes; reading a call takes {reading_us:.1f} us")
    for name, said in CASES.items():
        rules = compile_rules([msgspec.convert({"name": "r", "version": 1, **said}, Rule)])
        applies = rules.candidates("default", "gpt-4o") and rules.apply(subject, call) is not None

        def work(rules: Any = rules, applies: Any = applies) -> object:
            if not rules.candidates("default", "gpt-4o"):
                return None
            changed = rules.apply(subject, call, members)
            if changed is None:
                return None
            fields = [each.field for each in changed.overrides]
            return reread(call, changed.route, changed.body, fields, changed.json.members)

        took_us = least_us(work)
        slowest = max(slowest, took_us)
        print(f"{took_us:7.1f} us  {name}{' (and reads the call anew)' if applies else ''}")
    return 0 if slowest < BAR_US else 1


if __name__ == "__main__":
    sys.exit(main())
