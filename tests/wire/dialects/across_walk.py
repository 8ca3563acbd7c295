"""Every recorded answer and stream, written for the clients of each dialect, and heard by their official SDK.

What the SDK hears is compared with what the recorded bytes say by themselves (`raw_gists`): text, calls,
arguments, why it ended, usage, and what that costs. Read next: `test_across`.
"""

import datetime
import functools
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from typing import cast

import anthropic
import msgspec
import openai
from google.genai import errors as google_errors
from tests.recorded_exchanges import PRICE_PROVIDERS, Exchange, recorded_file
from tests.wire.dialects import bedrock_samples, official_clients
from tests.wire.dialects.official_clients import CALLERS
from tests.wire.dialects.raw_gists import Gist, datas_of, of_answer, of_stream, whole_of

from headgate.catalog.model import ModelFacts, Price
from headgate.catalog.prices import cost, facts_for
from headgate.core.call import AnyDialect, Dialect, Usage
from headgate.core.chat import ChatCall
from headgate.core.quirks import PLAIN
from headgate.wire.answers import read_answer
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.model import Asked
from headgate.wire.streams import reader
from headgate.wire.translating import Translation
from headgate.wire.usage import usage_of

SOURCES: dict[str, AnyDialect] = {
    "openai-chat": "openai-chat",
    "openai-responses": "openai-responses",
    "anthropic-messages": "anthropic",
    "google-generate": "google",
    "bedrock-converse": "bedrock",
}
NO_ANSWER = "pydantic-ai/test_openai/test_invalid_response#0"
"""A provider that echoes the call: an answer of no dialect."""
ASKED = Asked(model="asked", created_s=1_700_000_000, request_id="req_1")
PRICED_ON = datetime.date(2026, 11, 20)
EACH_ITS_OWN = Price(
    buckets={
        "input": 10**6, "cache_read": 10**5 + 3, "cache_write": 10**6 + 7, "cache_write_1h": 2 * 10**6 + 11,
        "output": 4 * 10**6 + 13, "input_audio": 3 * 10**6 + 19, "output_audio": 7 * 10**6 + 23,
    },
    units={"web_search": 10**10},
)  # fmt: skip
"""A price in which no bucket passes for another."""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded answer: where it stands, whose words it is in, and whether it came as a stream."""

    name: str
    dialect: AnyDialect
    provider: str
    model: str
    body: bytes
    is_stream: bool


class Table:
    """How many were heard, and which differ, for each pair of dialects."""

    def __init__(self) -> None:
        self.heard: Counter[tuple[str, str, str]] = Counter()
        self.differing: Counter[tuple[str, str, str]] = Counter()
        self.faults: list[tuple[str, str, str]] = []
        """Name, target and what differs."""

    def add(self, kind: str, source: str, target: str, name: str, faults: list[str]) -> None:
        self.heard[kind, source, target] += 1
        self.differing[kind, source, target] += bool(faults)
        self.faults += [(name, target, fault) for fault in faults]

    def __str__(self) -> str:
        kinds = list(dict.fromkeys(kind for kind, _, _ in self.heard))
        lines = [f"{'from':<18}{'to':<34}" + "".join(f"{kind:>12}{'differ':>8}" for kind in kinds)]
        for source, target in dict.fromkeys((source, target) for _, source, target in self.heard):
            counts = [
                (self.heard[kind, source, target], self.differing[kind, source, target]) for kind in kinds
            ]
            lines.append(f"{source:<18}{target:<34}" + "".join(f"{a:>12}{b:>8}" for a, b in counts))
        told = [f"{count:>5} x {reason}" for reason, count in self.reasons().most_common()]
        return "\n".join([*lines, *told])

    def reasons(self) -> Counter[str]:
        """How often each thing differs."""
        return Counter(fault for _, _, fault in self.faults)


@functools.cache
def exchanges() -> tuple[tuple[Exchange, AnyDialect], ...]:
    """Every recorded chat, and in whose words: Anthropic's also behind Bedrock's own path."""
    found: list[tuple[Exchange, AnyDialect]] = []
    with gzip.open(recorded_file()) as lines:
        for line in lines:
            one = msgspec.json.decode(line, type=Exchange)
            dialect = SOURCES.get(one.dialect)
            if one.dialect == "bedrock-invoke" and "/anthropic.claude" in one.path:
                dialect = "anthropic"
            if dialect is not None and "/threads/" not in one.path:
                found.append((one, dialect))
    return tuple(found)


@functools.cache
def answered() -> tuple[Answered, ...]:
    """Every recorded answer and stream; Bedrock's, of which none was streamed, as both."""
    found: list[Answered] = []
    for one, dialect in exchanges():
        if one.status != 200 or one.id == NO_ANSWER:
            continue
        model = one.request.get("model") or one.path.rpartition("/models/")[2].partition(":")[0]
        made = Answered(
            name=one.id,
            dialect=dialect,
            provider=one.provider,
            model=model,
            body=one.response.encode(),
            is_stream=one.stream,
        )
        found.append(made)
        if dialect == "bedrock":
            body = bedrock_samples.stream_of(json.loads(one.response))
            found.append(msgspec.structs.replace(made, body=body, is_stream=True))
    return tuple(found)


def written(one: Answered, caller: Dialect, *, as_stream: bool) -> bytes:
    """What the gateway gives a client for that answer; a whole one also where a stream was asked for."""
    translation = Translation.between(caller, one.dialect, PLAIN)
    assert translation is not None
    call = ChatCall(dialect=caller, model="asked", messages=(), stream=one.is_stream)
    if not one.is_stream:
        return translation.answer(one.body, call, ASKED, Changes(), as_stream=as_stream).body
    reader = translation.stream_reader(call, ASKED, Changes())
    return reader.feed(one.body).data + reader.end().data


def said_by(one: Answered) -> Gist:
    """What the recorded bytes say."""
    return of_stream(one.dialect, one.body) if one.is_stream else of_answer(one.dialect, json.loads(one.body))


def heard_by(caller: Dialect, body: bytes, *, is_stream: bool) -> Gist:
    """What the official SDK hears."""
    found = (official_clients.streamed if is_stream else official_clients.whole)(caller, body)
    return of_answer(caller, found)


def walk(every: int = 1) -> Table:
    """Hear every answer in every caller's dialect, or each so-many-th of every kind."""
    table = Table()
    seen: Counter[tuple[str, bool]] = Counter()
    for one in answered():
        seen[one.dialect, one.is_stream] += 1
        if seen[one.dialect, one.is_stream] % every:
            continue
        for caller in CALLERS:
            kinds = ("streams",) if one.is_stream else ("answers", "as streams")
            for kind in kinds if caller != one.dialect else kinds[:1]:
                faults = list(faults_of(one, caller, as_stream=kind != "answers"))
                table.add(kind, one.dialect, caller, one.name, faults)
    return table


def faults_of(one: Answered, caller: Dialect, *, as_stream: bool) -> Iterator[str]:
    """What of an answer is not the same for a client: one of `REASONS`, or what differs."""
    body = written(one, caller, as_stream=as_stream)
    try:
        heard = heard_by(caller, body, is_stream=as_stream)
    except (openai.APIError, anthropic.APIError, google_errors.APIError) as fault:
        if error_in(one) not in str(fault):
            yield f"error: {fault}"
        return
    except (ValueError, AssertionError, Warning) as fault:
        if caller != one.dialect or _is_of_its_types(one):
            yield f"types: {fault}"
        return
    if error_in(one) != NO_ERROR:
        yield "no error was heard"
    said = said_by(one)
    for name in ("text", "calls", "finish", "tokens"):
        first, second = getattr(said, name), getattr(heard, name)
        if first != second:
            yield _reason(name, first, second, caller) or f"{name}: {str(second)[:99]} for {str(first)[:99]}"
    used = usage_in(one.dialect, one.body, is_stream=one.is_stream)
    told = usage_in(caller, body, is_stream=as_stream)
    if costs_of(one, told) != costs_of(one, used):
        is_known = used is not None and costs_of(one, told) == costs_of(one, as_told(used, caller))
        yield UNCOUNTED[caller] if is_known else f"cost: {told} for {used}"


NO_USAGE = "Anthropic's usage can't be absent: where the provider counts nothing it says 0"
NO_END = "the provider names no end, or is still at work on it in the background: it counts as ended"
NO_WORD = "no word for an answer that went wrong but that it was refused"
UNCOUNTED: dict[Dialect, str] = {
    "google": "Google's usage has no cache writes and no units such as searches",
    "anthropic": "Anthropic's usage has no modalities, and of units only searches and fetches",
    "openai-responses": "the usage of Responses has no units: its items are counted",
    "openai-chat": "(everything is counted)",
}
REASONS = {NO_USAGE, NO_END, NO_WORD, *UNCOUNTED.values()}
"""All that may differ. What a call costs is on its record and in a header, by the provider's own count."""


def _reason(name: str, said: object, heard: object, caller: Dialect) -> str | None:
    if name == "tokens" and said is None and heard == (0, 0, 0) and caller == "anthropic":
        return NO_USAGE
    if name == "finish" and said is None and heard in ("stop", "tool_calls"):
        return NO_END
    return NO_WORD if name == "finish" and (said, heard) == ("error", "refused") else None


def as_told(usage: Usage, caller: Dialect) -> Usage:
    """What remains of a usage in a dialect that does not count all of it."""
    if caller == "google":
        given = usage.input + usage.cache_write + usage.cache_write_1h
        return msgspec.structs.replace(usage, input=given, cache_write=0, cache_write_1h=0, units={})
    if caller == "anthropic":
        return Usage(
            input=usage.input + usage.input_audio + usage.input_image,
            cache_read=usage.cache_read + usage.cache_read_audio,
            cache_write=usage.cache_write,
            cache_write_1h=usage.cache_write_1h,
            output=usage.output + usage.output_audio + usage.output_image,
            reasoning=usage.reasoning,
            units={name: count for name, count in usage.units.items() if name in ("web_search", "web_fetch")},
        )
    return msgspec.structs.replace(usage, units={}) if caller == "openai-responses" else usage


@functools.cache
def _is_of_its_types(one: Answered) -> bool:
    """Whether a provider's very bytes are of the types of its dialect's SDK: some are older, or another's.

    Such a call passes through in its own dialect, byte for byte.
    """
    try:
        heard_by(cast("Dialect", one.dialect), one.body, is_stream=one.is_stream)
    except (ValueError, AssertionError, Warning):
        return False
    return True


NO_ERROR = "(no error was recorded)"


def error_in(one: Answered) -> str:
    """The error that a provider reports in its stream; a word that no error says where there is none."""
    if not one.is_stream or one.dialect == "bedrock":
        return NO_ERROR
    errors = [data["error"] for data in datas_of(one.body) if data.get("error")]
    return errors[0]["message"] if errors else NO_ERROR


def costs_of(one: Answered, usage: Usage | None) -> tuple[int | None, ...] | None:
    """What a usage costs, in pico-USD: at prices that tell all buckets apart, and at the model's own."""
    if usage is None or usage == Usage():
        return None
    known = _facts(PRICE_PROVIDERS.get(one.provider), one.model)
    return cost(_telling_apart(), usage, None), cost(known, usage, None)


def usage_in(dialect: AnyDialect, body: bytes, *, is_stream: bool) -> Usage | None:
    """As a gateway counts it that this answer passes through."""
    if dialect == "bedrock":
        whole = whole_of(dialect, body) if is_stream else json.loads(body)
        return usage_of(dialect, "chat", whole["usage"])
    own = cast("Dialect", dialect)
    if not is_stream:
        return read_answer(own, "chat", body).usage
    passed = reader(own, "chat", strip_usage=False)
    passed.feed(body)
    passed.end()
    return passed.usage


@functools.cache
def _telling_apart() -> ModelFacts:
    return facts_for(None, "", EACH_ITS_OWN, on=PRICED_ON)


@functools.cache
def _facts(provider: str | None, model: str) -> ModelFacts:
    return facts_for(provider, model, on=PRICED_ON)
