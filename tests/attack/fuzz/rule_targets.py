"""Fuzzes override rules: what people write as a rule, and what one that is taken makes of a body."""

import re
from collections.abc import Iterable
from typing import Final

import msgspec
from tests.attack.fuzz.fuzz_target import CUT, Draw, Target
from tests.attack.fuzz.wire_targets import JSON_WORDS, ROUTES

from headgate.core.faults import InvalidRequest
from headgate.releases.applying import OVERRIDES_MAX, Applied, Subject, compile_rules
from headgate.releases.rule_forms import RuleBody, rule_of
from headgate.wire.members import Member as JsonMember
from headgate.wire.members import Watched, items_of, read_members
from headgate.wire.model import CallFacts
from headgate.wire.reading import read_call, reread

_SUBJECT: Final = Subject(
    project="default",
    now_ms=1000,
    sticky=b"user anna",
    resolves=lambda name: name != "gone",
    tags=("batch",),
    headers=[(b"x-team", b"research")],
)
_ANY: Final = Watched()
_body_of_rule: Final = msgspec.json.Decoder(RuleBody).decode


def apply_rule(data: bytes) -> None:
    """A rule is refused by name or applied, and what it does not say it changed is left to the byte."""
    draw = Draw(data)
    route = ROUTES[draw.number(len(ROUTES))]
    said, _, body = draw.rest().partition(CUT)
    try:
        rule = rule_of("r", _body_of_rule(said), version=1, now_ms=None)
    except (InvalidRequest, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        assert str(fault)
        return
    try:
        facts = read_call(route, [], body)
    except InvalidRequest:
        return
    rules = compile_rules([msgspec.structs.replace(rule, fragments=("You are ", "help"))])
    applied = rules.apply(_SUBJECT, facts)
    if applied is None:
        return
    assert applied.model in (facts.model, rule.model)
    if not applied.overrides:
        assert applied.body == body, (applied.body, body)
        return
    assert all(override.source == "rule r@1" for override in applied.overrides)
    if len(applied.overrides) < OVERRIDES_MAX:
        _check_members(body, applied.body, frozenset(each.field for each in applied.overrides), "")
    _check_facts(facts, applied)
    again = rules.apply(_SUBJECT, msgspec.structs.replace(facts, body=applied.body, route=applied.route))
    if not rule.replace and again is not None:
        assert again.body == applied.body, (applied.body, again.body)


def _check_rest(before: bytes, after: bytes, changed: frozenset[str], path: str) -> None:
    """What no changed path leads to is the same text, within what one leads to as well."""
    if not any(_leads_to(field, path) for field in changed):
        assert before == after, (path, before, after)
    elif path in changed:
        return
    elif before[:1] == b"[":
        olds, news = (items_of(JsonMember(path, path, raw, 0)) for raw in (before, after))
        assert len(olds) == len(news), (path, before, after)
        for index, (old, new) in enumerate(zip(olds, news, strict=True)):
            _check_rest(bytes(old), bytes(new), changed, f"{path}[{index}]")
    else:
        _check_members(before, after, changed, path)


def _check_members(before: bytes, after: bytes, changed: frozenset[str], path: str) -> None:
    """Members that no change names are there as they were, in order, with what stood around them."""
    olds, news = read_members(before, _ANY), read_members(after, _ANY)
    paths = {name: f"{path}.{name}" if path else name for name in {*olds, *news}}
    kept = [name for name in olds if paths[name] not in changed]
    assert kept == [name for name in news if name in olds and paths[name] not in changed], (before, after)
    for name in news.keys() - olds.keys():
        assert any(_leads_to(field, paths[name]) for field in changed), (name, before, after)
    for name in kept:
        _check_rest(olds[name].raw, news[name].raw, changed, paths[name])
    assert _between(before, olds, kept) == _between(after, news, kept), (before, after)
    end = max((member.end for member in olds.values()), default=1)
    assert after.endswith(before[end:] if olds else b"}"), (before, after)


def _leads_to(field: str, path: str) -> bool:
    return field == path or field.startswith((f"{path}.", f"{path}["))


def _between(text: bytes, members: dict[str, JsonMember], kept: list[str]) -> list[bytes]:
    """What stands before the value of each member that is kept: its name, and white space; no comma."""
    found: list[bytes] = []
    position = text.index(b"{") + 1
    for name, member in members.items():
        if name in kept:
            found.append(re.sub(rb"^[ \t\r\n]*,", b"", text[position : member.start]))
        position = member.end
    return found


def _check_facts(facts: CallFacts, applied: Applied) -> None:
    """Reading again what can have changed gives what reading all of it does."""
    fields = [override.field for override in applied.overrides]
    try:
        whole = read_call(applied.route, [], applied.body)
    except InvalidRequest:
        whole = None
    try:
        part = reread(facts, applied.route, applied.body, fields)
    except InvalidRequest:
        part = None
    try:
        known = reread(facts, applied.route, applied.body, fields, applied.json.members)
    except InvalidRequest:
        known = None
    assert known == part, (known, part)
    if len(applied.overrides) < OVERRIDES_MAX:
        assert part == whole, (part, whole)
    assert whole is None or whole.model == applied.model, (whole, applied)


_BODY: Final = (
    b'{ "model": "m", "messages" : [{"role": "user", "content": "You are here to help, caf\\u00e9 \\/"}],'
    b' "temperature": 1.50 , "max_tokens": 5,"n": 2, "stop": ["a"], "reasoning": {"effort": "low"},'
    b' "thinking": {"type": "enabled", "budget_tokens": 9}, "input": ["You are"], "stream": true,'
    b' "contents": [{"parts": [{"text": "help"}]}], "generationConfig": {"topK": 3 , "maxOutputTokens": 5},'
    b' "requests": [{"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 3}] }'
)
_RULES: Final = (
    b'{"set": {"temperature": 0, "stop": "x", "reasoning_budget": 5}}',
    b'{"remove": ["temperature", "body.n"], "set": {"body.a.b": [1]}}',
    b'{"clamp": {"max_output": {"most": 3}, "temperature": {"least": 1.75}}, "set": {"dimensions": 4}}',
    b'{"replace": [{"old": "help", "new": "\\u00e9\\n"}, {"old": "caf\\u00e9", "new": "tea"}]}',
    b'{"model": "b", "match": {"model": "m*", "tag": "batch", "headers": {"X-Team": "research"}}}',
    b'{"set": {"body.web_search_options": {}, "n": 3}, "remove": ["body.thinking"]}',
    b'{"remove": ["generationConfig.topK"], "match": {"template": "a.py:P"}, "share": 0.9}',
)
_WORDS: Final = (
    b'"match"', b'"set"', b'"remove"', b'"clamp"', b'"replace"', b'"share"', b'"least"', b'"most"', b'"old"',
    b'"new"', b'"template"', b'"tag"', b'"headers"', b'"temperature"', b'"max_output"', b'"body.', b'"stop"',
    b'"generationConfig.topK"', b'"reasoning_budget"', b'"text"', b'"parts"', b'"role"', b'"tool"',
    b"1e300", b"1e16", b"0.5", b"\\\\", b'\\"', b"\\udc00", b"\\n", b"\n",
)  # fmt: skip


def _seeds() -> Iterable[bytes]:
    for number in range(len(ROUTES)):
        for rule in _RULES:
            yield bytes([number]) + rule + CUT + _BODY


TARGETS: Final = (Target(name="rules", run=apply_rule, seeds=_seeds, words=(CUT, *_WORDS, *JSON_WORDS)),)
