"""What a span says of tokens, in disjoint buckets. Pure, and never a guess.

Input and output may be told with their parts in them or apart; a stated total proves which. What adds up
in no way is kept as told and flagged `usage_inconsistent`.

Read next: `conventions.token_names`, `core.call.Usage`.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from headgate.core.call import Usage
from headgate.traces.conventions.said import Said
from headgate.traces.conventions.texts import SHORT, bounded, decoded, encoded, short_text
from headgate.traces.conventions.token_names import (
    SET_KEYS,
    TOKEN_NAMES,
    TOKEN_SETS,
    WHOLE_KEYS,
    Count,
    Style,
)

TOKENS_MAX: Final = 1 << 40
_MEMBERS_MAX: Final = 64
_RAW_MAX: Final = 8_192

Counts = dict[Count, int]


def usage_of(said: Said) -> tuple[Usage | None, str]:
    """The usage in disjoint buckets (None where nothing is said of tokens), and all of it as it was told."""
    raw: dict[str, Any] = {}
    counts, style = _from_sets(said, raw)
    if not counts:
        counts, style = _from_names(said, raw), "whole"
    if not raw:
        return None, ""
    text, _ = bounded(encoded(raw), _RAW_MAX)
    if not counts:
        return None, text
    usage, consistent = disjoint(counts, style)
    if not consistent:
        said.flag("usage_inconsistent")
    return usage, text


def count_of(value: object) -> int | None:
    """A number of tokens, also from its digits; None for anything else."""
    if type(value) is int:
        return value if 0 <= value <= TOKENS_MAX else None
    if isinstance(value, float) and value.is_integer():
        return int(value) if 0 <= value <= TOKENS_MAX else None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 14:
        return count_of(int(value))
    return None


def disjoint(told: Mapping[Count, int], style: Style) -> tuple[Usage, bool]:
    """Divide what was told into buckets, and say whether it adds up.

    Where it does, the sum of the buckets is the stated total, or input and output together where no total is
    stated. Where it doesn't, every count stays as it was told.
    """
    parts = _parts(told)
    inside = parts.total_input
    beside = parts.total_output
    given, made, total = told.get("input"), told.get("output"), told.get("total")
    if total is not None and (given is None or made is None):
        given, made = _completed(given, made, total, inside, beside)
    given, made = given or 0, made or 0
    whole = (given - inside, made - beside)
    apart = (given, made)
    if total is None:
        rests = [whole if style == "whole" else apart]
    else:
        mixed = [(given, made - beside), (given - inside, made)]
        rests = [whole, apart, *mixed] if style == "whole" else [apart, whole, *mixed]
        rests = [rest for rest in rests if sum(rest) + inside + beside == total]
    for rest_in, rest_out in rests:
        if rest_in >= 0 and rest_out >= 0:
            return _with(parts, rest_in, rest_out), True
    return _with(parts, given, made), False


def _completed(
    given: int | None, made: int | None, total: int, inside: int, beside: int
) -> tuple[int | None, int | None]:
    """What a total leaves for the side that isn't told: with its parts in it."""
    if given is None and made is None:
        return max(total - beside, 0), beside
    if given is None:
        return max(total - (made or 0), inside), made
    return given, max(total - given, beside)


def _parts(told: Mapping[Count, int]) -> Usage:
    """The parts alone. Cached audio is told within what is cached and within audio; an hour's cache within
    what was written."""
    cached_audio = told.get("cache_read_audio", 0)
    written, long = told.get("cache_write", 0), told.get("cache_write_1h", 0)
    return Usage(
        cache_read=max(told.get("cache_read", 0) - cached_audio, 0),
        cache_read_audio=cached_audio,
        cache_write=written - long if written >= long else written,
        cache_write_1h=long,
        input_audio=max(told.get("input_audio", 0) - cached_audio, 0),
        input_image=told.get("input_image", 0),
        reasoning=told.get("reasoning", 0),
        output_audio=told.get("output_audio", 0),
        output_image=told.get("output_image", 0),
    )


def _with(parts: Usage, given: int, made: int) -> Usage:
    return Usage(
        input=given,
        cache_read=parts.cache_read,
        cache_read_audio=parts.cache_read_audio,
        cache_write=parts.cache_write,
        cache_write_1h=parts.cache_write_1h,
        input_audio=parts.input_audio,
        input_image=parts.input_image,
        output=made,
        reasoning=parts.reasoning,
        output_audio=parts.output_audio,
        output_image=parts.output_image,
    )


def _from_names(said: Said, raw: dict[str, Any]) -> Counts:
    counts: Counts = {}
    for _, name, value in said.each("tokens"):
        number = count_of(value)
        if number is None:
            said.flag("usage_unreadable")
            continue
        raw[name] = number
        said.take(name)
        counts.setdefault(TOKEN_NAMES[name], number)
    return counts


def _from_sets(said: Said, raw: dict[str, Any]) -> tuple[Counts, Style]:
    for _, name, value in said.each("token_set"):
        found = decoded(value)
        if not isinstance(found, dict):
            said.flag("usage_unreadable")
            continue
        stated = cast("Mapping[object, object]", found)
        members = dict(_members(stated))
        counts: Counts = {}
        for path, number in members.items():
            if count := SET_KEYS.get(path):
                counts.setdefault(count, number)
        raw[name] = stated
        said.take(name)
        if counts:
            own = any(str(key) in WHOLE_KEYS for key in stated)
            return counts, "whole" if own else TOKEN_SETS[name]
    return {}, "whole"


def _members(found: Mapping[object, object]) -> list[tuple[str, int]]:
    """Counts of an object, those of objects within it by their path."""
    members: list[tuple[str, int]] = []
    for key, value in list(found.items())[:_MEMBERS_MAX]:
        name = short_text(key, SHORT) or ""
        if (number := count_of(value)) is not None:
            members.append((name, number))
        elif isinstance(value, dict):
            inner = list(cast("Mapping[object, object]", value).items())[:_MEMBERS_MAX]
            members += [
                (f"{name}.{part}", number) for part, told in inner if (number := count_of(told)) is not None
            ]
    return members
