"""Traces to look at, sent as an exporter sends them: answers from documents, failures, sessions, many steps.

Where recorded exchanges stand beside the checkout, their messages are sent, too. Times are told as those of
some minutes ago, so that lists that follow have them.
"""

import gzip
import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import httpx
import msgspec
from tests.recorded_exchanges import Exchange

Attributes = dict[str, Any]

DOCUMENTS: Final = (
    (
        "manual/leases.md",
        "The lease of a gateway lasts two seconds, and its journal gives back what a dead one has held. "
        "Until then no other gateway may spend what the lease holds.",
    ),
    (
        "manual/budgets.md",
        "A budget is spent in reservations: each call reserves the most that it may cost, and settles "
        "what it did cost when its answer has come.",
    ),
)
QUESTION: Final = "How long does a lease last, and what becomes of what it held?"
ANSWER: Final = (
    "It lasts two seconds. Afterwards the **journal gives back what a dead one has held**, "
    "says the manual:\n\n"
    "1. Until then no other gateway may spend what the lease holds.\n2. Then it is free again."
)
SYSTEM: Final = "You answer questions about Headgate from its manual. Say so where the manual says nothing."


class Tracer:
    """One trace in the making: steps with their times in milliseconds after its beginning."""

    def __init__(self, name: str, *, begin_ms: int, service: str = "assistant", **resource: Any) -> None:
        self.id = os.urandom(16).hex()
        self._begin_ns = begin_ms * 1_000_000
        self._resource = {"service.name": service, "service.version": "1.4", **resource}
        self.spans: list[dict[str, Any]] = []
        self.name = name

    def step(
        self, name: str, begin_ms: float, took_ms: float, attributes: Attributes | None = None, **more: Any
    ) -> str:
        """Add a step; `above` names the one that it stands below, `error` says why it failed."""
        identity = os.urandom(8).hex()
        start = self._begin_ns + int(begin_ms * 1_000_000)
        span: dict[str, Any] = {
            "traceId": self.id,
            "spanId": identity,
            "name": name,
            "kind": 1,
            "startTimeUnixNano": str(start),
            "endTimeUnixNano": str(start + int(took_ms * 1_000_000)),
            "attributes": _attributes(attributes or {}),
        }
        if above := more.get("above"):
            span["parentSpanId"] = above
        if error := more.get("error"):
            span["status"] = {"code": 2, "message": error}
            span["events"] = [
                {
                    "name": "exception",
                    "timeUnixNano": str(start),
                    "attributes": _attributes({"exception.type": "LookupError", "exception.message": error}),
                }
            ]
        if links := more.get("links"):
            span["links"] = [{"traceId": trace, "spanId": other} for trace, other in links]
        self.spans.append(span)
        return identity

    def send(self, url: str, key: str, *, at_once: int = 5000) -> None:
        """Send it, in parts where it is large."""
        resource = {"attributes": _attributes(self._resource)}
        for first in range(0, len(self.spans), at_once):
            scope = {"scope": {"name": "tests"}, "spans": self.spans[first : first + at_once]}
            body = {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}
            answer = httpx.post(
                f"{url}/v1/traces",
                content=gzip.compress(msgspec.json.encode(body), 1),
                headers={
                    "content-type": "application/json",
                    "content-encoding": "gzip",
                    "authorization": f"Bearer {key}",
                },
                timeout=60,
                trust_env=False,
            )
            assert answer.status_code == 200, answer.text
            assert not answer.json().get("partialSuccess"), answer.text


def _attributes(values: Attributes) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [_value(each) for each in value]}}  # pyright: ignore[reportUnknownVariableType]
        case _:
            return {"stringValue": value if isinstance(value, str) else json.dumps(value)}


def said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def call(
    model: str, input_: Sequence[Any], output: Sequence[Any], *, tokens: tuple[int, int], **more: Any
) -> Attributes:
    """The attributes of a call of a model."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": more.pop("provider", "openai"),
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.usage.input_tokens": tokens[0],
        "gen_ai.usage.output_tokens": tokens[1],
        "gen_ai.input.messages": json.dumps(list(input_)),
        "gen_ai.output.messages": json.dumps(list(output)),
        **more,
    }


def answered_from_documents(begin_ms: int) -> Tracer:
    """An agent that looks up, asks a tool and answers; its answer goes back to a document."""
    trace = Tracer("answer a question", begin_ms=begin_ms)
    who = {"user.id": "anna", "session.id": "talk-1"}
    root = trace.step(
        "answer a question",
        0,
        4180,
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "clerk",
            **who,
            "gen_ai.input.messages": json.dumps([said("user", QUESTION)]),
            "gen_ai.output.messages": json.dumps([said("assistant", ANSWER)]),
            "tag.tags": ["manual"],
        },
    )
    plan = [said("user", QUESTION)]
    tool_call = {"type": "tool_call", "id": "c1", "name": "search", "arguments": {"query": "lease duration"}}
    trace.step(
        "chat gpt-4o-mini",
        20,
        900,
        call(
            "gpt-4o-mini",
            plan,
            [{"role": "assistant", "parts": [tool_call]}],
            tokens=(380, 24),
            **{
                "gen_ai.system_instructions": json.dumps([{"type": "text", "content": SYSTEM}]),
                "gen_ai.request.temperature": 0.2,
                "gen_ai.response.finish_reasons": ["tool_calls"],
            },
        ),
        above=root,
    )
    search = _looked_up(trace, root)
    context = "\n\n".join(text for _, text in DOCUMENTS)
    history = [
        *plan,
        {"role": "assistant", "parts": [tool_call]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": context}]},
    ]
    trace.step(
        "chat gpt-4o",
        2110,
        2040,
        call(
            "gpt-4o",
            history,
            [said("assistant", ANSWER)],
            tokens=(712, 96),
            **{
                "gen_ai.system_instructions": json.dumps([{"type": "text", "content": SYSTEM}]),
                "gen_ai.response.time_to_first_chunk": 0.41,
            },
        ),
        above=root,
        links=[(trace.id, search)],
    )
    return trace


def _looked_up(trace: Tracer, above: str) -> str:
    """A tool that embeds a question and finds documents; returns the tool's step."""
    search = trace.step(
        "search the manual",
        950,
        1130,
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "search",
            "gen_ai.tool.call.id": "c1",
            "gen_ai.tool.call.arguments": json.dumps({"query": "lease duration"}),
            "gen_ai.tool.call.result": json.dumps([text for _, text in DOCUMENTS]),
        },
        above=above,
    )
    retrieve = trace.step(
        "retrieve",
        990,
        1020,
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": "lease duration",
            **{
                f"retrieval.documents.{place}.document.{name}": value
                for place, (identity, text) in enumerate(DOCUMENTS)
                for name, value in (("id", identity), ("content", text), ("score", 0.91 - place / 5))
            },
        },
        above=search,
    )
    trace.step(
        "embed the question",
        1000,
        120,
        {
            "gen_ai.operation.name": "embeddings",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "text-embedding-3-small",
            "gen_ai.usage.input_tokens": 14,
        },
        above=retrieve,
    )
    trace.step("POST /collections/manual/search", 1130, 840, {"http.request.method": "POST"}, above=retrieve)
    return search


def failed(begin_ms: int) -> Tracer:
    """A tool that fails, and a call of a model that says other sums than what is below it."""
    trace = Tracer("book a journey", begin_ms=begin_ms)
    root = trace.step("book a journey", 0, 2600, {"gen_ai.operation.name": "invoke_agent", "user.id": "ben"})
    asked = [said("user", "Book it.")]
    outer = trace.step(
        "ask twice",
        10,
        1200,
        call("gpt-4o-mini", asked, [said("assistant", "I can't.")], tokens=(900, 90)),
        above=root,
    )
    for place in range(2):
        trace.step(
            "chat gpt-4o-mini",
            20 + 600 * place,
            500,
            call(
                "gpt-4o-mini", [said("user", "Book it.")], [said("assistant", "No seat.")], tokens=(300, 30)
            ),
            above=outer,
        )
    trace.step(
        "reserve a seat",
        1300,
        1200,
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "reserve"},
        above=root,
        error="the railway does not answer: no seat could be reserved within a second",
    )
    trace.step("of a step that nobody sends", 1400, 20, above="00000000000000aa")
    return trace


def talk(begin_ms: int) -> Iterator[Tracer]:
    """Three more traces of one session, each a turn of it."""
    turns = (
        ("And a budget?", "A budget is spent in reservations; each call settles what it did cost."),
        ("Who may change it?", "An admin, and a project admin that of its own project."),
        ("Thank you!", "You're welcome."),
    )
    history = [said("user", QUESTION), said("assistant", ANSWER)]
    for place, (question, answer) in enumerate(turns):
        history.append(said("user", question))
        trace = Tracer("answer a question", begin_ms=begin_ms + 60_000 * (place + 1))
        root = trace.step(
            "answer a question",
            0,
            900 + 300 * place,
            {
                "gen_ai.operation.name": "invoke_agent",
                "user.id": "anna",
                "session.id": "talk-1",
                "gen_ai.input.messages": json.dumps(history),
                "gen_ai.output.messages": json.dumps([said("assistant", answer)]),
            },
        )
        trace.step(
            "chat gpt-4o",
            40,
            800 + 300 * place,
            call("gpt-4o", history, [said("assistant", answer)], tokens=(300 + 120 * place, 24)),
            above=root,
        )
        history.append(said("assistant", answer))
        yield trace


RECORDED_MAX: Final = 60


def recorded(exchanges: Sequence[Exchange], now_ms: int) -> Iterator[Tracer]:
    """Traces whose calls say what recorded exchanges with providers said, one of each recorded test."""
    groups: dict[str, list[Exchange]] = {}
    for exchange in exchanges:
        is_read = exchange.dialect in ("openai-chat", "anthropic-messages") and not exchange.stream
        if is_read and "messages" in exchange.request:
            groups.setdefault(exchange.id.partition("#")[0], []).append(exchange)
    source = random.Random(11)
    for name, members in list(groups.items())[:RECORDED_MAX]:
        begin_ms = now_ms - 7_200_000 - int(source.random() * 20 * 3_600_000)
        title = name.rpartition("/")[2].removeprefix("test_").replace("_", " ")
        trace = Tracer(title, begin_ms=begin_ms, service=name.partition("/")[0])
        length = 200 + 900 * len(members)
        root = trace.step(title, 0, length, {"user.id": source.choice(("anna", "ben", "chloe"))})
        for turn, exchange in enumerate(members):
            answer: Any = msgspec.json.decode(exchange.response) if exchange.status == 200 else {}
            trace.step(
                f"chat {exchange.request.get('model', '')}",
                50 + 900 * turn,
                300 + source.random() * 550,
                _recorded_call(exchange, answer),
                above=root,
                **({} if exchange.status == 200 else {"error": f"the provider answered {exchange.status}"}),
            )
        yield trace


def _recorded_call(exchange: Exchange, answer: Any) -> Attributes:
    usage: dict[str, int | None] = answer.get("usage") or {}
    tokens = (
        usage.get("prompt_tokens") or usage.get("input_tokens") or 0,
        usage.get("completion_tokens") or usage.get("output_tokens") or 0,
    )
    output: list[Any] = [choice["message"] for choice in answer.get("choices", [])]
    output = output or [{"role": "assistant", "content": answer.get("content", [])}]
    model = str(exchange.request.get("model", ""))
    return call(model, exchange.request["messages"], output, tokens=tokens, provider=exchange.provider)


def many_steps(count: int, begin_ms: int) -> Tracer:
    """An agent that went on and on: turns of a call, tools and what these did, some of which failed."""
    trace = Tracer("index a library", begin_ms=begin_ms, service="indexer")
    source = random.Random(5)
    root = trace.step("index a library", 0, count * 2.0, {"gen_ai.operation.name": "invoke_agent"})
    at = 0.0
    while len(trace.spans) < count:
        turn = trace.step(
            f"shelf {len(trace.spans)}", at, 19.0, {"gen_ai.operation.name": "invoke_agent"}, above=root
        )
        trace.step(
            "chat gpt-4o-mini",
            at + 0.1,
            4 + source.random() * 4,
            call("gpt-4o-mini", [said("user", "Next?")], [said("assistant", "This one.")], tokens=(90, 12)),
            above=turn,
        )
        for place in range(min(8, count - len(trace.spans))):
            trace.step(
                f"read book {place}",
                at + 9 + place,
                0.4 + source.random(),
                {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "read"},
                above=turn,
                **({"error": "the book is lent"} if source.random() < 0.01 else {}),
            )
        at += 20.0
    return trace


def send_traces(url: str, key: str, exchanges: Sequence[Exchange]) -> dict[str, str]:
    """Send all but the largest, and return the ids of some by name."""
    now_ms = int(time.time() * 1000)
    named = {
        "answered": answered_from_documents(now_ms - 400_000),
        "failed": failed(now_ms - 90_000),
    }
    # Those that the tests look for come last: what was sent before is there when they are.
    for trace in (*recorded(exchanges, now_ms), *named.values(), *talk(now_ms - 400_000)):
        trace.send(url, key)
    return {f"trace_{name}": trace.id for name, trace in named.items()}
