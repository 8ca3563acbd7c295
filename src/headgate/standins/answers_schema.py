"""A value that is valid by a JSON schema, filled with what the conversation mentions where it fits.

Understands local `$ref`, `allOf`, `anyOf`, `oneOf`, `const`, `enum`, type lists, `nullable` and the
upper-case types of Google's schema, and the usual bounds of numbers, strings, arrays and objects. Never
reads `not`, `if` or `patternProperties`. Pure.
"""

import math
import uuid
from random import Random
from typing import Any, cast

from headgate.standins.answers_hints import Hints
from headgate.standins.answers_pattern import matching
from headgate.standins.answers_text import topic_of
from headgate.standins.conversation import Schema

DEPTH_MAX = 8
ITEMS_MAX = 5
RULES_READ_MAX = 5_000
"""Schemas are the client's: how much of one is read before the rest is filled with null."""

ITEMS_ASKED_MAX = 1_000
LENGTH_ASKED_MAX = 10_000

_LONG_TEXT = ("query", "question", "input", "message", "prompt", "text", "content", "request", "task")


class Filler:
    """Fills one schema. `root` is where local references point."""

    def __init__(self, root: Schema, hints: Hints, random: Random) -> None:
        self._root = root
        self._hints = hints
        self._random = random
        self._left = RULES_READ_MAX

    def fill(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        """Return a value valid by `schema`; `name` is the property that it is for."""
        rule = self._resolved(schema)
        if self._left <= 0 or depth > 4 * DEPTH_MAX:
            return None
        if "const" in rule:
            return rule["const"]
        if isinstance(rule.get("enum"), list):
            return self._one_of(cast("list[Any]", rule["enum"]))
        branches = rule.get("anyOf") or rule.get("oneOf")
        if isinstance(branches, list) and branches:
            return self.fill(self._branch(cast("list[Any]", branches), rule, depth), name, depth + 1)
        match _type_of(rule):
            case "object":
                return self._object(rule, depth)
            case "array":
                return self._array(rule, name, depth)
            case "integer":
                return int(self._number(rule, name, whole=True))
            case "number":
                return self._number(rule, name, whole=False)
            case "boolean":
                return self._hints.mentions(name) if name else True
            case "null":
                return None
            case _:
                return self._string(rule, name)

    def fill_object(self, schema: Schema) -> dict[str, Any]:
        """Return an object valid by `schema`; an empty one where the schema is of something else."""
        return _as_object(self.fill(schema))

    def _resolved(self, schema: Any, depth: int = 0) -> Schema:
        self._left -= 1
        if self._left <= 0 or depth > DEPTH_MAX:
            return {}
        rule = _as_object(schema)
        for _ in range(DEPTH_MAX):
            reference = rule.get("$ref")
            if not isinstance(reference, str):
                break
            beside = {key: value for key, value in rule.items() if key != "$ref"}
            rule = {**_follow(self._root, reference), **beside}
        parts = rule.get("allOf")
        if isinstance(parts, list):
            merged: Schema = {key: value for key, value in rule.items() if key != "allOf"}
            for part in cast("list[Any]", parts):
                merged = _merged(merged, self._resolved(part, depth + 1))
            return merged
        return rule

    def _one_of(self, values: list[Any]) -> Any:
        for value in values:
            if isinstance(value, str) and self._hints.says(value):
                return value
        for value in values:
            if isinstance(value, int | float) and str(value) in self._hints.numbers:
                return value
        return self._random.choice(values) if values else None

    def _branch(self, branches: list[Any], rule: Schema, depth: int) -> Schema:
        rest = {key: value for key, value in rule.items() if key not in ("anyOf", "oneOf", "default")}
        rules = [_merged(rest, self._resolved(branch)) for branch in branches]
        shallow = [found for found in rules if _type_of(found) not in ("object", "array")]
        if depth >= DEPTH_MAX and shallow:
            return next((found for found in shallow if _type_of(found) == "null"), shallow[0])
        spoken = [found for found in rules if self._is_spoken_of(found)]
        return (spoken or [found for found in rules if _type_of(found) != "null"] or rules)[0]

    def _is_spoken_of(self, rule: Schema) -> bool:
        title = rule.get("title")
        if _type_of(rule) == "object" and isinstance(title, str) and self._hints.mentions(title):
            return True
        values = [rule["const"]] if "const" in rule else cast("list[Any]", rule.get("enum") or [])
        if any(isinstance(value, str) and self._hints.says(value) for value in values):
            return True
        kinds = _as_object(rule.get("properties"))
        return any(
            "const" in inner and isinstance(inner["const"], str) and self._hints.says(inner["const"])
            for inner in map(self._resolved, kinds.values())
        )

    def _object(self, rule: Schema, depth: int) -> dict[str, Any]:
        properties = _as_object(rule.get("properties"))
        required = cast("list[str]", rule.get("required") or [])
        value: dict[str, Any] = {}
        for key, inner in properties.items():
            wanted = key in required or (depth < 2 and self._wants_optional(key, inner))
            if wanted:
                value[key] = self.fill(inner, key, depth + 1)
        for key in required:
            if key not in value:
                value[key] = self.fill(rule.get("additionalProperties") or {}, key, depth + 1)
        missing = _whole(rule, "minProperties", 0) - len(value)
        for key in [key for key in properties if key not in value][: max(missing, 0)]:
            value[key] = self.fill(properties[key], key, depth + 1)
        if not properties and rule.get("additionalProperties") is not False:
            for place in range(len(value), min(_whole(rule, "minProperties", 0), ITEMS_ASKED_MAX)):
                value[f"key_{place + 1}"] = self.fill(rule.get("additionalProperties") or {}, "", depth + 1)
        return value

    def _wants_optional(self, name: str, inner: Any) -> bool:
        rule = self._resolved(inner)
        values = cast("list[Any]", rule.get("enum") or [])
        if any(isinstance(value, str) and self._hints.says(value) for value in values):
            return True
        return self._hints.mentions(name)

    def _array(self, rule: Schema, name: str, depth: int) -> list[Any]:
        fixed = cast("list[Any]", rule.get("prefixItems") or [])
        least = min(_whole(rule, "minItems", 0), ITEMS_ASKED_MAX)
        most = _whole(rule, "maxItems", max(ITEMS_MAX, least))
        value = [self.fill(inner, name, depth + 1) for inner in fixed][:most]
        inner = rule.get("items")
        if inner is False or (inner is None and fixed):
            return value
        wanted = max(least, 0 if depth >= DEPTH_MAX else 1, min(self._count_for(inner, name), most))
        if most == 0 or (depth >= DEPTH_MAX and least == 0):
            return value
        unique = rule.get("uniqueItems") is True
        tries = 0
        while len(value) < min(wanted, most) and tries < 8 * wanted:
            tries += 1
            item = self.fill(inner or {"type": "string"}, name, depth + 1)
            if unique and item in value:
                item = _changed(item, self._resolved(inner or {}), tries)
            if not unique or item not in value:
                value.append(item)
        return value

    def _count_for(self, inner: Any, name: str) -> int:
        rule = self._resolved(inner or {})
        match _type_of(rule):
            case "integer" | "number":
                return len(self._hints.numbers)
            case "string" if "enum" not in rule and "format" not in rule:
                return len(self._hints.quoted) or len(self._hints.names)
            case "string" if isinstance(rule.get("enum"), list):
                return 1
            case _:
                return 1

    def _number(self, rule: Schema, name: str, *, whole: bool) -> int | float:
        low, high = _bounds(rule, whole=whole)
        step = rule.get("multipleOf")
        step = step if isinstance(step, int | float) and step > 0 else None
        beside = self._hints.number_beside(name)
        candidates = [beside] if beside else []
        spoken = self._hints.take("numbers", self._hints.numbers)
        while spoken is not None and not candidates:
            if _fits(spoken, low, high, step, whole=whole):
                candidates.append(spoken)
            else:
                spoken = self._hints.take("numbers", self._hints.numbers)
        for text in candidates:
            if _fits(text, low, high, step, whole=whole):
                return int(float(text)) if whole or float(text).is_integer() else float(text)
        return _between(self._random, low, high, step, whole=whole)

    def _string(self, rule: Schema, name: str) -> str:
        form = rule.get("format")
        if isinstance(form, str):
            made = self._formatted(form)
            if made is not None:
                return made
        pattern = rule.get("pattern")
        least = min(_whole(rule, "minLength", 0), LENGTH_ASKED_MAX)
        most = _whole(rule, "maxLength", LENGTH_ASKED_MAX)
        if isinstance(pattern, str):
            candidates = [*self._hints.quoted, *self._hints.names, *self._hints.lower.split()]
            return matching(pattern, candidates, least, most)
        text = self._words_for(name)
        if len(text) > most:
            text = text[:most].rstrip() or text[:most]
        while len(text) < least:
            text = f"{text} {text or 'text'}"[: max(least, 1)] if least - len(text) > 1 else text + "."
        return text

    def _words_for(self, name: str) -> str:
        if any(word in name.lower() for word in _LONG_TEXT) and not self._hints.quoted:
            return self._hints.said.strip()[:200] or "text"
        spoken = self._hints.word_for(name)
        if spoken:
            return spoken
        label = name.replace("_", " ").strip() or "text"
        return f"{label} about {topic_of(self._hints.said)}"

    def _formatted(self, form: str) -> str | None:
        hints = self._hints
        day = hints.take("dates", hints.dates) if form in ("date", "date-time") else None
        match form:
            case "date":
                return day or f"2026-{self._random.randint(1, 12):02d}-{self._random.randint(1, 28):02d}"
            case "time":
                clock = hints.take("times", hints.times) or f"{self._random.randint(0, 23):02d}:30:00"
                return (clock if clock.count(":") == 2 else f"{clock}:00") + "Z"
            case "date-time":
                clock = hints.take("times", hints.times) or "09:30:00"
                return f"{day or '2026-03-14'}T{clock if clock.count(':') == 2 else clock + ':00'}Z"
            case "email" | "idn-email":
                return hints.take("emails", hints.emails) or "someone@example.com"
            case "uri" | "url" | "iri" | "uri-reference":
                return hints.take("urls", hints.urls) or "https://example.com/page"
            case "uuid":
                return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
            case "ipv4":
                return f"192.0.2.{self._random.randint(1, 254)}"
            case "ipv6":
                return f"2001:db8::{self._random.randint(1, 0xFFFF):x}"
            case "hostname" | "idn-hostname":
                return "www.example.com"
            case "duration":
                return f"PT{self._random.randint(1, 59)}M"
            case _:
                return None


def _as_object(value: Any) -> Schema:
    return cast("Schema", value) if isinstance(value, dict) else {}


def _follow(root: Schema, reference: str) -> Schema:
    place: Any = root
    for step in reference.removeprefix("#").split("/"):
        if step:
            place = _as_object(place).get(step.replace("~1", "/").replace("~0", "~"))
    return _as_object(place)


def _merged(one: Schema, other: Schema) -> Schema:
    merged = {**one, **other}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**_as_object(one["properties"]), **_as_object(other["properties"])}
    if "required" in one and "required" in other:
        merged["required"] = list(dict.fromkeys([*one["required"], *other["required"]]))
    return merged


def _type_of(rule: Schema) -> str:
    kind = rule.get("type")
    if isinstance(kind, list):
        kinds = [str(each) for each in cast("list[Any]", kind)]
        kind = next((each for each in kinds if each.lower() != "null"), "null")
    if isinstance(kind, str):
        return kind.lower()
    if "properties" in rule or "additionalProperties" in rule:
        return "object"
    if "items" in rule or "prefixItems" in rule:
        return "array"
    if "minimum" in rule or "maximum" in rule:
        return "number"
    return "string"


def _whole(rule: Schema, key: str, default: int) -> int:
    value = rule.get(key, default)
    try:
        return int(value)
    except (TypeError, ValueError):
        return default


def _bounds(rule: Schema, *, whole: bool) -> tuple[float, float]:
    """Return the inclusive bounds of a number; what is excluded is left out by one, or by a little."""
    low = rule.get("minimum")
    high = rule.get("maximum")
    over = rule.get("exclusiveMinimum")
    under = rule.get("exclusiveMaximum")
    lows = [float(low)] if isinstance(low, int | float) else []
    highs = [float(high)] if isinstance(high, int | float) else []
    gap = 1.0 if whole else 1e-6
    if isinstance(over, int | float) and not isinstance(over, bool):
        lows.append(math.floor(over) + 1.0 if whole else over + max(gap, abs(over) * gap))
    if isinstance(under, int | float) and not isinstance(under, bool):
        highs.append(math.ceil(under) - 1.0 if whole else under - max(gap, abs(under) * gap))
    return max(lows, default=-math.inf), min(highs, default=math.inf)


def _fits(text: str, low: float, high: float, step: float | None, *, whole: bool) -> bool:
    value = float(text)
    if not low <= value <= high or (whole and not value.is_integer()):
        return False
    return step is None or math.isclose(value / step, round(value / step), abs_tol=1e-9)


def _between(random: Random, low: float, high: float, step: float | None, *, whole: bool) -> int | float:
    if low == -math.inf:
        low = min(1.0, high)
    if high == math.inf:
        high = max(low, low + 9.0)
    if step is not None:
        value = math.ceil(low / step) * step
        return round(value) if whole or float(value).is_integer() else value
    if whole:
        return random.randint(math.ceil(low), max(math.floor(high), math.ceil(low)))
    return round(value, 2) if low <= round(value := random.uniform(low, high), 2) <= high else value


def _changed(item: Any, rule: Schema, tries: int) -> Any:
    if isinstance(item, str) and "enum" in rule:
        values = cast("list[Any]", rule["enum"])
        return values[tries % len(values)]
    if isinstance(item, str):
        return f"{item} {tries + 1}"
    if isinstance(item, int | float) and not isinstance(item, bool):
        return item + tries
    return item
