"""Rules as people write them, checked word by word; bad input names the field and the nearest names. Pure.

Never stores anything. Read next: `releases.rules` (what is made of it), `releases.rules_http`.
"""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, cast

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.core.names import Name
from headgate.core.pages import parse_instant_ms
from headgate.releases.parameters import OWN, check_name
from headgate.releases.rules import Clamp, Replacement, Rule, RuleMatch
from headgate.wire.parameters import NAMES

RULE_BYTES_MAX: Final = 65_536
RESERVED: Final = frozenset({"test"})
RULES_MAX: Final = 500
"""How many rules there may be on one deployment."""

ModelName = Annotated[str, msgspec.Meta(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+(?!\n)$")]
Note = Annotated[str, msgspec.Meta(max_length=2000)]
Parameters = Annotated[dict[str, Any], msgspec.Meta(max_length=32)]
Removed = Annotated[tuple[str, ...], msgspec.Meta(max_length=32)]
Clamps = Annotated[dict[str, Clamp], msgspec.Meta(max_length=32)]
Replacements = Annotated[tuple[Replacement, ...], msgspec.Meta(max_length=16)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]

TEXT_CHARACTERS_MAX: Final = 16_384
PART_CHARACTERS_MAX: Final = 512
VALUE_DEPTH_MAX: Final = 32
HEADERS_MAX: Final = 8
_SECRET_HEADERS: Final = frozenset({"authorization", "x-api-key", "x-goog-api-key", "cookie", "api-key"})
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
"""RFC 9110, section 5.6.2."""

_NUMBERS: Final = frozenset(
    {"temperature", "top_p", "min_p", "presence_penalty", "frequency_penalty", "repetition_penalty"}
)
_WHOLE: Final[Mapping[str, int]] = {
    "max_output": 1, "n": 1, "dimensions": 1, "top_k": -1, "top_logprobs": 0, "reasoning_budget": -1,
    "seed": -(2**63),
}  # fmt: skip
"""Parameters that are whole numbers, and the least that one can be."""
_TEXTS: Final = frozenset({"reasoning_effort", "verbosity", "service_tier", "encoding_format", "task_type"})
_FLAGS: Final = frozenset({"parallel_tool_calls"})


class RuleBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a rule says. `expires_at` is RFC 3339; `share` the part of its calls, from 0 to 1."""

    match: RuleMatch = msgspec.field(default_factory=RuleMatch)
    set: Parameters = {}
    remove: Removed = ()
    clamp: Clamps = {}
    replace: Replacements = ()
    model: ModelName | None = None
    share: Share = 1.0
    expires_at: str | None = None
    note: Note = ""


class NewRule(RuleBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule that is to be made."""

    name: Name


class RuleChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a rule is to change; what is left out stays. Null takes `model` and `expires_at` away."""

    match: RuleMatch | msgspec.UnsetType = msgspec.UNSET
    set: Parameters | msgspec.UnsetType = msgspec.UNSET
    remove: Removed | msgspec.UnsetType = msgspec.UNSET
    clamp: Clamps | msgspec.UnsetType = msgspec.UNSET
    replace: Replacements | msgspec.UnsetType = msgspec.UNSET
    model: ModelName | msgspec.UnsetType | None = msgspec.UNSET
    share: Share | msgspec.UnsetType = msgspec.UNSET
    expires_at: str | msgspec.UnsetType | None = msgspec.UNSET
    note: Note | msgspec.UnsetType = msgspec.UNSET


def rule_of(name: str, said: RuleBody, *, version: int, now_ms: int | None) -> Rule:
    """Return the rule that is said, still without the fragments of its template.

    Raises InvalidRequest that names the field. `now_ms` None lets an expiry lie in the past.
    """
    if name in RESERVED:
        raise InvalidRequest(f"no rule can have the name {name!r}: a route has it", parameter="name")
    expires_ms = None if said.expires_at is None else parse_instant_ms(said.expires_at, "expires_at")
    if expires_ms is not None and now_ms is not None and expires_ms <= now_ms:
        raise InvalidRequest(
            f"expires_at is {said.expires_at}, which is past; write a time to come", parameter="expires_at"
        )
    rule = Rule(
        name=name,
        version=version,
        match=_checked_match(said.match),
        set=said.set,
        remove=said.remove,
        clamp=said.clamp,
        replace=said.replace,
        model=said.model,
        share=said.share,
        expires_ms=expires_ms,
        note=said.note,
    )
    _check_actions(rule)
    size = len(msgspec.json.encode(rule))
    if size > RULE_BYTES_MAX:
        raise InvalidRequest(f"the rule has {size} bytes; at most {RULE_BYTES_MAX} are kept")
    return rule


def changed(old: RuleBody, change: RuleChange) -> RuleBody:
    """Return what a rule says after a change."""
    given = {
        name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET
    }
    return msgspec.structs.replace(old, **given)


def _checked_match(match: RuleMatch) -> RuleMatch:
    for part in ("project", "template", "model", "tag"):
        value = getattr(match, part)
        if value is not None and not 0 < len(value) <= PART_CHARACTERS_MAX:
            raise InvalidRequest(
                f"match.{part} has {len(value)} characters; write 1 to {PART_CHARACTERS_MAX}",
                parameter=f"match.{part}",
            )
    if match.model is not None and "*" in match.model[:-1]:
        raise InvalidRequest(
            f"match.model is {match.model!r}; `*` may stand at the end only", parameter="match.model"
        )
    if match.template is not None and ":" not in match.template:
        raise InvalidRequest(
            f"match.template is {match.template!r}; write `path:symbol`, as `headgate prompts list` has it",
            parameter="match.template",
        )
    if len(match.headers) > HEADERS_MAX:
        raise InvalidRequest(
            f"match.headers names {len(match.headers)} headers; at most {HEADERS_MAX} are looked at",
            parameter="match.headers",
        )
    for name, value in match.headers.items():
        where = "match.headers"
        if name.lower() in _SECRET_HEADERS:
            raise InvalidRequest(f"{where} has {name!r}, which carries a secret; use tags", parameter=where)
        if not _HEADER.fullmatch(name) or len(value) > PART_CHARACTERS_MAX:
            raise InvalidRequest(
                f"{where} has {name[:100]!r}, which is too long or no header", parameter=where
            )
    headers = {name.lower(): value for name, value in match.headers.items()}
    if len(headers) != len(match.headers):
        raise InvalidRequest(
            "match.headers names a header twice; letters' case makes no other", parameter="match.headers"
        )
    return msgspec.structs.replace(match, headers=headers)


def _check_actions(rule: Rule) -> None:
    if not (rule.set or rule.remove or rule.clamp or rule.replace or rule.model):
        raise InvalidRequest("the rule does nothing: give set, remove, clamp, replace or model")
    for name, value in rule.set.items():
        check_name(name, "set")
        _check_value(name, value)
    for name in rule.remove:
        check_name(name, "remove")
        if name in rule.set:
            raise InvalidRequest(f"{name!r} is in set and in remove; choose one", parameter="remove")
    for name, clamp in rule.clamp.items():
        check_name(name, "clamp")
        _check_clamp(name, clamp)
    for index, replacement in enumerate(rule.replace):
        where = f"replace[{index}]"
        if not replacement.old:
            raise InvalidRequest(f"{where}.old is empty; write the text that is to go", parameter=where)
        if max(len(replacement.old), len(replacement.new)) > TEXT_CHARACTERS_MAX:
            raise InvalidRequest(
                f"{where} has a text of more than {TEXT_CHARACTERS_MAX} characters; write a shorter fragment",
                parameter=where,
            )


def _check_clamp(name: str, clamp: Clamp) -> None:
    where = f"clamp.{name}"
    if clamp.least is None and clamp.most is None:
        raise InvalidRequest(f"{where} has neither least nor most; give one", parameter=where)
    if not all(math.isfinite(each) for each in (clamp.least, clamp.most) if each is not None):
        raise InvalidRequest(f"{where} is not finite; give numbers", parameter=where)
    if clamp.least is not None and clamp.most is not None and clamp.least > clamp.most:
        raise InvalidRequest(
            f"{where} has least {clamp.least:g} above most {clamp.most:g}; turn them round", parameter=where
        )
    canonical = canonical_of(name)
    if canonical in _TEXTS or canonical in _FLAGS or canonical == "stop":
        raise InvalidRequest(f"{where}: {canonical} is no number; use set", parameter=where)


def canonical_of(name: str) -> str:
    """Return the canonical name of a parameter by whichever name, else the name itself."""
    path = name.removeprefix(OWN)
    return next((names[path] for names in NAMES.values() if path in names), path)


def _check_value(name: str, value: object) -> None:
    where, canonical = f"set.{name}", canonical_of(name)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if _depth(value) > VALUE_DEPTH_MAX:
        raise InvalidRequest(f"{where} is nested too deeply; flatten it", parameter=where)
    if value is None:
        raise InvalidRequest(f"{where} is null; use remove = [{name!r}]", parameter=where)
    if canonical in _NUMBERS and not number:
        raise InvalidRequest(f"{where} is {_shown(value)}; write a number", parameter=where)
    if canonical in _WHOLE:
        least = _WHOLE[canonical]
        if not number or not isinstance(value, int) or value < least:
            bound = f" from {least}" if least > -2 else ""
            raise InvalidRequest(f"{where} is {_shown(value)}; write a whole number{bound}", parameter=where)
    if canonical in _TEXTS and not isinstance(value, str):
        raise InvalidRequest(f"{where} is {_shown(value)}; write a text", parameter=where)
    if canonical in _FLAGS and not isinstance(value, bool):
        raise InvalidRequest(f"{where} is {_shown(value)}; write true or false", parameter=where)
    if canonical == "stop" and not _is_stop(value):
        raise InvalidRequest(
            f"{where} is {_shown(value)}; write a text or an array of texts", parameter=where
        )


def _depth(value: object) -> int:
    """How deep a value is nested, as far as it matters."""
    level, depth = [value], 0
    while level and depth <= VALUE_DEPTH_MAX:
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner += cast("dict[str, object]", each).values()
            elif isinstance(each, list):
                inner += cast("list[object]", each)
        level, depth = inner, depth + 1
    return depth


def _is_stop(value: object) -> bool:
    if isinstance(value, str):
        return True
    return isinstance(value, list | tuple) and all(
        isinstance(each, str) for each in cast("list[object]", value)
    )


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode()[:60]
