"""Requests on prompts, rules, releases and what-if that are refused: 4xx in the documented shape, each."""

import base64
import json
from typing import Any

from tests.attack.api_operations import CASE, COMMITS, JUDGE, JUDGED, NOBODY, PUSH, RELEASE, RULE, VERSION

Refused = tuple[tuple[str, str, Any], ...]


def cursor(place: Any) -> str:
    """Where a list goes on, as its pages say it."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def pushed(**members: Any) -> dict[str, Any]:
    """A push with other members."""
    return {**PUSH, **members}


def stated(**members: Any) -> dict[str, Any]:
    """A push with another state."""
    return {**PUSH, "state": {**PUSH["state"], **members}}


def said(content: str, engine: str = "jinja") -> dict[str, Any]:
    """A version of one message."""
    return {**VERSION, "engine": engine, "messages": [{"role": "user", "content": content}]}


def rule(**members: Any) -> dict[str, Any]:
    """A rule that does something but for what is said of it."""
    return {"name": "refused", "set": {"temperature": 0}, **members}


def posted(path: str, *bodies: Any) -> Refused:
    """The same address with one body after the other."""
    return tuple(("POST", path, body) for body in bodies)


def nested(body: str, levels: int = 900) -> bytes:
    """A body with objects in objects in the place of VALUE."""
    return body.replace("VALUE", '{"a":' * levels + "1" + "}" * levels).encode()


LONG = "1" + "0" * 5000
"""A number that is longer than any that is read."""
MOST = 2**63 - 1
KNOWN = PUSH["state"]["versions"][0]
HOLE = {"type": "hole", "name": "who"}
MADE = "/prompts/refused/versions"
LOOK = "/prompts/greeting/render"
TO_LABEL = "/prompts/greeting/labels/production"
COMPARED = f"/releases/compare?a={COMMITS[0]}"

_PROMPTS: Refused = (
    ("GET", f"/prompts?next={cursor(['', '', '', chr(0)])}", None),
    ("GET", f"/prompts?next={cursor(['', '', ''])}", None),
    ("GET", "/prompts?days=%D9%A3", None),
    ("GET", "/prompts?days=0", None),
    ("GET", "/prompts?kind=other", None),
    ("GET", "/prompts?show=other", None),
    ("GET", "/prompts/unknown?a=1", None),
    ("GET", "/prompts/outcomes", None),
    ("GET", "/prompts/outcomes?name=%00", None),
    ("GET", "/prompts/outcomes?name=a%3A%00", None),
    ("GET", "/prompts/outcomes?name=greeting&days=366", None),
    ("GET", "/prompts/outcomes?name=greeting&project=%00", None),
    ("GET", "/prompts/unknown?days=366", None),
    ("GET", f"/prompts/unknown?next={cursor([MOST + 1, '00000000-0000-7000-8000-000000000000'])}", None),
    ("GET", f"/prompts/unknown?next={cursor([1, chr(0)])}", None),
    ("GET", f"/prompts/catalogue?next={cursor([chr(0), ''])}", None),
    ("GET", "/prompts/%00", None),
    ("GET", "/prompts/%ED%A0%80", None),
    ("GET", "/prompts/greeting?project=%00", None),
    ("GET", "/prompts/greeting?project=default/greeting", None),
    ("GET", "/prompts/greeting/versions/99999999999999999999", None),
    ("GET", "/prompts/greeting/versions/%D9%A3", None),
    ("GET", "/prompts/greeting/diff?a=1000000001", None),
    ("GET", "/prompts/" + "a/" * 5_000, None),
    ("GET", "/prompts/" + "a:" * 5_000 + "/versions/1", None),
    ("GET", "/prompts/catalogue/" + "a" * 5_000, None),
    ("POST", "/prompts/greeting", VERSION),
    ("POST", "/prompts/unknown/versions", VERSION),
    ("POST", "/prompts/a%0A/versions", VERSION),
    ("POST", "/prompts/a/versions/b/versions", VERSION),
    ("POST", "/prompts/a:b/versions", VERSION),
    ("POST", f"{MADE}?project=a/b", VERSION),
    ("POST", f"{MADE}?project=", VERSION),
    ("POST", f"{MADE}?project={'a' * 5_000}", VERSION),
    ("POST", f"{MADE}/3", VERSION),
    ("POST", MADE, {**VERSION, "messages": []}),
    ("POST", MADE, {**VERSION, "engine": "erb"}),
    ("POST", MADE, {**VERSION, "model": "a\nb"}),
    ("POST", MADE, {**VERSION, "note": "a" * 100_000}),
    ("POST", MADE, {**VERSION, "labels": ["latest"]}),
    ("POST", MADE, {**VERSION, "labels": ["12"]}),
    ("POST", MADE, {**VERSION, "labels": ["a\n"]}),
    ("POST", MADE, {**VERSION, "tools": [{"name": "f"}, {"name": "f"}]}),
    ("POST", MADE, {**VERSION, "tools": [{"name": "f", "parameters": "{}"}]}),
    ("POST", MADE, {**VERSION, "tools": [{"type": {"a": 1}, "name": "f"}]}),
    ("POST", MADE, {**VERSION, "parameters": {"temperature": True}}),
    ("POST", MADE, f'{{"messages": [], "parameters": {{"seed": {LONG}}}}}'.encode()),
    ("POST", MADE, nested('{"messages": [{"role": "user", "content": "a"}], "response_schema": VALUE}')),
    ("POST", MADE, nested('{"messages": [{"role": "user", "content": "a"}], "tools": [VALUE]}')),
    ("POST", MADE, said("{{#a}}", "mustache")),
    ("POST", MADE, said("{{#a}}" * 8_000 + "{{/a}}" * 8_000, "mustache")),
    ("POST", MADE, said("{% include 'a' %}")),
    ("POST", MADE, said("{{ a.__class__ }}")),
    ("POST", MADE, said("{{ 10 ** 10000000 }}")),
    ("POST", MADE, said("{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}")),
    ("POST", MADE, said("{{ 1" + "+1" * 9_000 + " }}")),
    ("POST", MADE, said("{% if a %}" * 5_000 + "{% endif %}" * 5_000)),
    ("POST", LOOK, {"version": 2**70}),
    ("POST", LOOK, {"version": -1}),
    ("POST", LOOK, {"version": "9" * 5_000}),
    ("POST", LOOK, {"version": True}),
    ("POST", LOOK, {"strict": True, "variables": {}}),
    ("POST", LOOK, f'{{"variables": {{"who": {LONG}}}}}'.encode()),
    ("POST", LOOK, {"variables": {"who": "a"}, "dialect": "openai-chat", "body": {"messages": 5}}),
    ("POST", LOOK, {"variables": {"who": "a"}, "dialect": "google", "body": {"contents": "a"}}),
    ("POST", LOOK, {"variables": {"who": "a"}, "dialect": "anthropic", "body": {"messages": {}}}),
    ("POST", LOOK, {"variables": {"who": "a"}, "dialect": "openai-responses", "body": {"input": 5}}),
    ("POST", "/prompts/greeting/archive", {"unknown_member": 1}),
    ("POST", "/prompts/greeting/archive", []),
    ("PUT", "/prompts/greeting/labels/latest", {"version": 1}),
    ("PUT", "/prompts/greeting/labels/a%0A", {"version": 1}),
    ("PUT", TO_LABEL, {"version": 2**31}),
    ("PUT", TO_LABEL, {"version": 1.5}),
    ("PUT", "/prompts/greeting", {"version": 1}),
    ("DELETE", "/prompts/greeting/versions/1", None),
    ("DELETE", "/prompts/greeting?project=nobody", None),
    ("DELETE", "/prompts/a:b", None),
    ("DELETE", "/prompts/catalogue/%00", None),
)

_CATALOGUE: Refused = posted(
    "/prompts/catalogue",
    pushed(project="default\n"),
    pushed(project=""),
    pushed(source="one\n"),
    pushed(templates=[{"parts": []}]),
    pushed(templates=[{"parts": ["a" * 200_001]}]),
    pushed(templates=[{"parts": [{**HOLE, "type": "other"}]}]),
    pushed(templates=[{"parts": [{**HOLE, "unknown_member": 1}]}]),
    pushed(state=None),
    pushed(commits={"start": 0, "ids": ["a"], "times": []}),
    pushed(commits={"start": 0, "ids": ["a"], "times": [2**62]}),
    pushed(commits={"start": 0, "ids": ["a"], "times": [-1]}),
    pushed(commits={"start": -1, "ids": ["a"], "times": [1]}),
    stated(is_snapshot=True),
    stated(versions=[{**KNOWN, "first": 1, "last": 0}]),
    stated(versions=[{**KNOWN, "last": 99}]),
    stated(versions=[{**KNOWN, "version": "bc7bb4e4ccce\n"}]),
    stated(versions=[{**KNOWN, "line": 2**31}]),
    stated(parameters=[{"a": "a" * 1_000_001}]),
    json.dumps(stated(parameters=[{"a": "NUMBER"}])).replace('"NUMBER"', LONG).encode(),
)

_RULES: Refused = (
    ("GET", f"/rules/shorter/versions?next={cursor(-1)}", None),
    ("GET", f"/rules/nothing/versions?next={cursor(MOST)}", None),
    ("GET", "/rules?next=" + cursor("\0"), None),
    ("GET", "/rules/a%2Fb", None),
    ("PUT", "/rules/a%00", RULE),
    ("PATCH", "/rules/shorter", {"set": None}),
    ("PATCH", "/rules/shorter", {"set": {}, "clamp": {}, "replace": []}),
    ("DELETE", "/rules/nothing", None),
    *posted(
        "/rules",
        {"name": "refused"},
        rule(name="test"),
        rule(name="refused\n"),
        rule(model="nowhere/a"),
        rule(model="a\nb"),
        rule(share=1.5),
        rule(expires_at="2020-01-01T00:00:00Z"),
        rule(expires_at="9999-12-31T23:59:59-23:59"),
        rule(remove=["temperature"]),
        rule(remove=["a\n"]),
        rule(set={"messages": []}),
        rule(set={"temperature": None}),
        rule(set={"max_output": 0}),
        rule(set={f"a{number}": "a" * 3_000 for number in range(30)}),
        rule(clamp={"stop": {"most": 1}}),
        rule(clamp={"top_p": {"least": 2, "most": 1}}),
        rule(clamp={"top_p": {}}),
        rule(replace=[{"old": "", "new": "a"}]),
        rule(replace=[{"old": "a" * 16_385, "new": ""}]),
        rule(match={"headers": {"Authorization": "a"}}),
        rule(match={"headers": {"X-A": "a", "x-a": "b"}}),
        rule(match={"headers": {"x a\r\n": "a"}}),
        rule(match={"model": "*a"}),
        rule(match={"template": "a"}),
        rule(match={"project": ""}),
        f'{{"name": "refused", "set": {{"seed": {LONG}}}}}'.encode(),
        b'{"name": "refused", "set": {"temperature": 1e999}}',
        nested('{"name": "refused", "set": {"a": VALUE}}'),
    ),
    *posted(
        "/rules/test",
        {},
        {"name": "nothing"},
        {"rule": {}},
        {"rule": RULE, "limit": 0},
        {"rule": RULE, "since": "1969-01-01T00:00:00Z"},
        {"rule": {**RULE, "model": "nowhere/a"}},
    ),
)

_RELEASES: Refused = (
    ("GET", f"/releases?next={cursor(['2026-01-01T00:00:00Z', chr(0), ''])}", None),
    ("GET", f"/releases?next={cursor(['now', '', ''])}", None),
    ("GET", f"/environments?next={cursor(-1)}", None),
    ("GET", f"/environments/staging/history?next={cursor(MOST + 1)}", None),
    ("GET", "/releases/%00", None),
    ("GET", "/releases/%25%25%25%25%25%25", None),
    ("GET", "/releases/______", None),
    ("GET", "/releases/compare", None),
    ("GET", f"{COMPARED}&b=nothing", None),
    ("GET", f"{COMPARED}&b={COMMITS[1]}&from=yesterday", None),
    ("GET", f"{COMPARED}&b={COMMITS[1]}&to=99999-01-01T00:00:00Z", None),
    ("GET", f"{COMPARED}&b={COMMITS[1]}&environment=%00", None),
    ("POST", "/releases", {**RELEASE, "commit": COMMITS[0].upper()}),
    ("POST", "/releases", {**RELEASE, "commit": COMMITS[0] + "\n"}),
    ("POST", "/releases", {**RELEASE, "dirty": "a"}),
    ("POST", "/releases", {**RELEASE, "name": "../a"}),
    ("POST", "/releases", {**RELEASE, "project": "default\n"}),
    ("POST", "/releases", {**RELEASE, "environment": ""}),
    ("POST", "/releases", {**RELEASE, "pins": {"nothing": "mock/small"}}),
    ("POST", "/releases", {**RELEASE, "pins": {"assistant": "nowhere/a"}}),
    ("POST", "/releases", {**RELEASE, "pins": {"assistant": "assistant"}}),
    ("POST", "/environments/a%0A", {"release": COMMITS[0]}),
    ("POST", "/environments/" + "a" * 101, {"release": COMMITS[0]}),
    ("POST", "/environments/refused", {"release": "nothing"}),
    ("POST", "/environments/refused", {"release": ""}),
    ("POST", "/environments/refused", {}),
    ("POST", "/environments/staging", {"release": COMMITS[0], "expected": "nothing"}),
    ("POST", "/environments/staging/rollback", {"expected": "nothing"}),
    ("POST", "/environments/refused/rollback", {}),
    ("GET", "/environments/%00/status", None),
    ("GET", "/environments/staging/status?project=nobody", None),
)

_OTHERWISE: tuple[Any, ...] = (
    {"models": {"assistant": "assistant"}},
    {"models": {"assistant": "nowhere/a"}},
    {"models": {"": "mock/small"}},
    {"prices": {"mock/small": {}}},
    {"prices": {"mock/small": {"nothing": "1"}}},
    {"prices": {"mock/small": {"input": "-1"}}},
    {"prices": {"mock/small": {"input": "NaN"}}},
    {"prices": {"mock/small": {"input": "1e400"}}},
    {"prices": {"mock/small": {"input": "9" * 5_000}}},
    {"limits": {"nothing": "1 USD"}},
    {"limits": {"monthly": "NaN"}},
    {"limits": {"monthly": "9" * 60}},
    {"rules": [{"name": "a"}]},
    {"rules": [{"name": "a", "model": "nowhere/a"}]},
    {"rules": [{"name": "a", "set": {"temperature": each}} for each in (0, 1)]},
    {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
    {"from": "1969-01-01T00:00:00Z"},
    {"to": "9999-12-31T23:59:59.999Z"},
    {"project": "default\n"},
    {"calls_max": 10**9},
    {"seed": 2**31},
)
_WHAT_IF: Refused = (*posted("/whatif", *_OTHERWISE), *posted("/whatif/stream", *_OTHERWISE))

RELEASES_REFUSED: Refused = (*_PROMPTS, *_CATALOGUE, *_RULES, *_RELEASES, *_WHAT_IF)

LISTS_TOO_LONG: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/keys", {"name": "a", "models": ["a"] * 257}),
    (f"/grounding/studies/{NOBODY}/replays", {"calls": [{"subject": "a", "calls": [""] * 601}]}),
    ("/prompts/catalogue", pushed(templates=[{"parts": ["a"]}] * 20_001)),
    ("/prompts/catalogue", pushed(templates=[{"parts": [HOLE] * 5_001}])),
    ("/prompts/catalogue", pushed(commits={"start": 0, "ids": ["a"] * 100_001, "times": []})),
    ("/prompts/catalogue", pushed(commits={"start": 0, "ids": [], "times": [1] * 100_001})),
    ("/prompts/catalogue", stated(versions=[KNOWN] * 20_001)),
    ("/prompts/catalogue", stated(parameters=[{}] * 20_001)),
    ("/prompts/catalogue", stated(models=[{}] * 20_001)),
    ("/releases", {**RELEASE, "prompts": RELEASE["prompts"] * 50_001}),
    ("/releases", {**RELEASE, "parameters": RELEASE["parameters"] * 50_001}),
    ("/releases", {**RELEASE, "models": ["a"] * 5_001}),
    ("/releases", {**RELEASE, "tools": RELEASE["tools"] * 5_001}),
    ("/releases", {**RELEASE, "dependencies": {f"a{number}": "1" for number in range(20_001)}}),
    ("/releases", {**RELEASE, "pins": {f"a{number}": "mock/small" for number in range(1_001)}}),
    ("/feedback/batch", {"items": [{}] * 1_001}),
    ("/datasets/one/cases", {"cases": [{"input": "a"}] * 10_001}),
    ("/datasets/one/calls", {"request_ids": [NOBODY] * 1_001}),
    ("/checks/runs/one/results", {"results": [{"case": "a", "repeat": 0}] * 501}),
    ("/checks/judgements", {"digests": ["0" * 64] * 501}),
    ("/judges/one/marks", {"items": [JUDGED] * 501}),
    ("/judgements", {"judge": JUDGE, "items": [JUDGED] * 501}),
    ("/reviews", {"judge": "helpful", "items": [CASE] * 501}),
)
"""Bodies with a list of one more than the description allows, for each that may be longer than a hundred."""
