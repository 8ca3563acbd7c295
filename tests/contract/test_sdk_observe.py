"""`headgate.observe` and `headgate.context` against a stand-in collector: spans and how they nest."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from tests.contract.span_collector import SpanCollector, collecting

import headgate


@pytest.fixture
def collector() -> Iterator[SpanCollector]:
    with collecting() as collector:
        headgate.configure(url=collector.url, key="hg_of_tests")
        yield collector
        headgate.flush()
        headgate.configure(enabled=False)


def attributes(collector: SpanCollector, name: str) -> dict[str, Any]:
    [span] = collector.wait_for_spans(name)
    return span["attributes"]


def parent(collector: SpanCollector, name: str) -> str:
    """The name of the span that is a span's parent; empty at a root."""
    [span] = collector.wait_for_spans(name)
    above = [each["name"] for each in collector.spans if each["spanId"] == span["parentSpanId"]]
    return above[0] if above else ""


def test_arguments_and_result_of_a_function(collector: SpanCollector) -> None:
    @headgate.observe
    def add(a: int, b: int = 2, *rest: int, api_key: str = "", **more: Any) -> dict[str, int]:
        return {"sum": a + b + sum(rest)}

    assert add(1, 2, 3, api_key="hidden", c=4) == {"sum": 6}
    found = attributes(collector, "add")
    assert json.loads(found["input.value"]) == {"a": 1, "b": 2, "args": [3], "api_key": "***", "c": 4}
    assert found["output.value"] == '{"sum":6}' and found["output.mime_type"] == "application/json"
    assert found["code.function.name"].endswith(
        "test_sdk_observe.test_arguments_and_result_of_a_function.<locals>.add"
    )
    [(path, headers)] = collector.requests
    assert (path, headers["authorization"]) == ("/v1/traces", "Bearer hg_of_tests")


def test_names_kinds_and_what_is_kept_out(collector: SpanCollector) -> None:
    @headgate.observe(name="find", kind="retriever", capture_input=False)
    def search(query: str) -> str:
        return query * 2

    @headgate.observe(kind="workflow", capture_output=False)
    def flow() -> str:
        return search("a")

    assert flow() == "aa"
    found = attributes(collector, "find")
    assert found["openinference.span.kind"] == "RETRIEVER" and "input.value" not in found
    assert (found["output.value"], found["output.mime_type"]) == ("aa", "text/plain")
    assert attributes(collector, "flow")["openinference.span.kind"] == "CHAIN"
    assert "output.value" not in attributes(collector, "flow")
    assert parent(collector, "find") == "flow" and parent(collector, "flow") == ""


def test_methods_of_all_sorts(collector: SpanCollector) -> None:
    class Shop:
        @headgate.observe
        def own(self, what: str) -> str:
            return self.of_class(what)

        @headgate.observe
        @classmethod
        def of_class(cls, what: str) -> str:
            return cls.plain(what)

        @staticmethod
        @headgate.observe
        def plain(what: str) -> str:
            return what

    assert Shop().own("x") == "x"
    for name in ("Shop.own", "Shop.of_class", "Shop.plain"):
        assert attributes(collector, name)["input.value"] == '{"what":"x"}'
    assert parent(collector, "Shop.plain") == "Shop.of_class"


async def test_async_functions_side_by_side_keep_apart(collector: SpanCollector) -> None:
    @headgate.observe
    async def leaf(name: str) -> str:
        await asyncio.sleep(0)
        return name

    @headgate.observe
    async def branch(name: str) -> str:
        with headgate.context(user=name):
            return await leaf(name)

    assert await asyncio.gather(*(branch(f"u{n}") for n in range(20))) == [f"u{n}" for n in range(20)]
    collector.wait_for(lambda: len(collector.spans) == 40)
    leaves = [each for each in collector.spans if each["name"] == "leaf"]
    branches = {each["spanId"]: each for each in collector.spans if each["name"] == "branch"}
    for each in leaves:
        above = branches[each["parentSpanId"]]
        assert above["attributes"]["input.value"] == each["attributes"]["input.value"]
        assert each["attributes"]["user.id"] == each["attributes"]["output.value"]
        assert "user.id" not in above["attributes"]


def test_a_generator_is_one_span_and_leaks_nothing(collector: SpanCollector) -> None:
    @headgate.observe
    def step(n: int) -> int:
        return n

    @headgate.observe
    def count(most: int) -> Generator[int, str, str]:
        heard: list[str] = []
        for n in range(most):
            with headgate.context(session="inside"):
                heard.append((yield step(n)))
        return ",".join(heard)

    @headgate.observe
    def consumer() -> str:
        steps = count(3)
        assert next(steps) == 0
        step(100)
        assert headgate.headers().get("x-headgate-session") is None
        assert steps.send("a") == 1 and steps.send("b") == 2
        with pytest.raises(StopIteration) as stopped:
            steps.send("c")
        return stopped.value.value

    assert consumer() == "a,b,c"
    assert attributes(collector, "count")["output.value"] == "[0,1,2]"
    collector.wait_for(lambda: len(collector.spans) == 6)
    by_id = {each["spanId"]: each["name"] for each in collector.spans}
    steps = [each for each in collector.spans if each["name"] == "step"]
    found = {(each["attributes"]["output.value"], by_id[each["parentSpanId"]]) for each in steps}
    assert found == {("0", "count"), ("1", "count"), ("2", "count"), ("100", "consumer")}
    outside = [each for each in steps if "session.id" not in each["attributes"]]
    assert [each["attributes"]["output.value"] for each in outside] == ["100"]


def test_a_generator_that_is_left_halfway_still_ends(collector: SpanCollector) -> None:
    ended: list[str] = []

    @headgate.observe
    def words() -> Generator[str]:
        try:
            yield "a"
            yield "b"
        finally:
            ended.append("words")

    for word in words():
        assert word == "a"
        break
    assert attributes(collector, "words")["output.value"] == "a" and ended == ["words"]
    assert collector.spans[0]["status"]["code"] == 0


def test_what_is_thrown_into_a_generator_arrives(collector: SpanCollector) -> None:
    @contextlib.contextmanager
    @headgate.observe
    def opened() -> Generator[str]:
        try:
            yield "x"
        except KeyError as error:
            raise ValueError("of key") from error

    with pytest.raises(ValueError, match="of key"), opened() as x:
        raise KeyError(x)
    [span] = (
        collector.wait_for_spans("opened")
        if collector.spans
        else collector.wait_for_spans(
            "test_what_is_thrown_into_a_generator_arrives.<locals>.opened".rpartition(".")[2]
        )
    )
    assert span["status"] == {"code": 2, "message": "ValueError: of key"}
    [event] = span["events"]
    assert event["name"] == "exception"


async def test_an_async_generator_takes_what_is_sent_thrown_and_closed(collector: SpanCollector) -> None:
    @headgate.observe
    async def echo() -> AsyncGenerator[str, str]:
        heard = "begin"
        while heard != "end":
            try:
                heard = yield heard
            except KeyError as error:
                heard = f"thrown {error.args[0]}"

    steps = echo()
    assert [await steps.asend(None), await steps.asend("a")] == ["begin", "a"]  # type: ignore[arg-type]
    assert await steps.athrow(KeyError("k")) == "thrown k"
    with pytest.raises(StopAsyncIteration):
        await steps.asend("end")
    assert attributes(collector, "echo")["output.value"] == "beginathrown k"
    closing = echo()
    await anext(closing)
    await closing.aclose()
    collector.wait_for(lambda: len(collector.spans) == 2)
    assert collector.spans[1]["attributes"]["output.value"] == "begin"


def test_a_function_that_hands_on_a_generator_ends_with_it(collector: SpanCollector) -> None:
    @headgate.observe
    def stream() -> Generator[str]:
        yield from ("a", "b")

    @headgate.observe
    def answer() -> Generator[str]:
        return stream()

    assert list(answer()) == ["a", "b"]
    collector.wait_for_spans("stream", "answer")
    assert parent(collector, "stream") == "answer"
    assert attributes(collector, "answer")["output.value"] == "ab"


async def test_an_async_function_that_hands_on_an_async_generator(collector: SpanCollector) -> None:
    @headgate.observe
    async def stream() -> AsyncIterator[dict[str, int]]:
        yield {"a": 1}

    @headgate.observe
    async def answer() -> AsyncIterator[dict[str, int]]:
        return stream()

    assert [each async for each in await answer()] == [{"a": 1}]
    collector.wait_for_spans("stream", "answer")
    assert parent(collector, "stream") == "answer"
    assert attributes(collector, "answer")["output.value"] == '[{"a":1}]'


def test_what_frameworks_ask_of_functions_stays() -> None:
    import inspect

    def plain() -> None: ...
    def generator() -> Iterator[int]:
        yield 1

    async def one() -> None: ...
    async def many() -> AsyncIterator[int]:
        yield 1

    questions: list[Callable[[Any], bool]] = [
        inspect.isgeneratorfunction,
        inspect.iscoroutinefunction,
        inspect.isasyncgenfunction,
    ]
    for function in (plain, generator, one, many):
        for made in (headgate.observe(function), headgate.context(user="a")(function)):
            assert [ask(made) for ask in questions] == [ask(function) for ask in questions]
            assert made.__name__ == function.__name__ and inspect.unwrap(made) is function


def test_context_reaches_spans_of_others_and_adds_up(collector: SpanCollector) -> None:
    others = trace.get_tracer("another library")

    @headgate.context(session="s1", tags=["one"], release="r7", metadata={"order": 7, "token": "t"})
    @headgate.observe
    def outer() -> dict[str, str]:
        more = headgate.context(user="anna", tags=("two",), environment="staging")
        with more, others.start_as_current_span("theirs"):
            return headgate.headers()

    headers = outer()
    found = attributes(collector, "theirs")
    assert found == {
        "session.id": "s1",
        "user.id": "anna",
        "tag.tags": ["one", "two"],
        "service.version": "r7",
        "deployment.environment.name": "staging",
        "metadata": '{"order":7,"token":"***"}',
    }
    [theirs] = collector.wait_for_spans("theirs")
    assert parent(collector, "theirs") == "outer"
    parts = headers.pop("traceparent").split("-")
    assert parts[:3] == ["00", theirs["traceId"], theirs["spanId"]] and int(parts[3], 16) & 1
    assert headers == {
        "x-headgate-session": "s1",
        "x-headgate-tags": "one,two",
        "x-headgate-release": "r7",
        "x-headgate-user": "anna",
    }
    assert headgate.headers() == {}


def test_a_header_is_never_one_that_a_client_refuses() -> None:
    with headgate.context(user="Jürgen", session="a\r\nx: y", tags=["ok"], business_id="é"):
        assert set(headgate.headers()) <= {"x-headgate-tags"}


def test_a_business_id_names_the_trace(collector: SpanCollector) -> None:
    @headgate.observe
    def order() -> None: ...

    with headgate.context(business_id="order-7"):
        order()
    order()
    collector.wait_for(lambda: len(collector.spans) == 2)
    first, second = collector.spans
    assert first["traceId"] == headgate.trace_id_of("order-7").hex() != second["traceId"]
    assert first["parentSpanId"] == ""
    assert first["attributes"]["headgate.business_id"] == "order-7"


def test_threads_have_traces_of_their_own(collector: SpanCollector) -> None:
    @headgate.observe
    def work(n: int) -> int:
        return n

    def work_on(n: int) -> None:
        for _ in range(25):
            work(n)

    threads = [threading.Thread(target=work_on, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    collector.wait_for(lambda: len(collector.spans) == 200)
    assert len({each["traceId"] for each in collector.spans}) == 200


async def test_what_is_cancelled_ends_as_that(collector: SpanCollector) -> None:
    @headgate.observe
    async def slow() -> None:
        await asyncio.sleep(60)

    task = asyncio.create_task(slow())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [span] = collector.wait_for_spans("slow")
    assert span["status"] == {"code": 2, "message": "CancelledError"}
    assert span["attributes"]["error.type"] == "CancelledError"


def test_a_function_that_raises_raises_the_same(collector: SpanCollector) -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    error = Odd()

    @headgate.observe
    def fails() -> None:
        raise error

    with pytest.raises(Odd) as raised:
        fails()
    assert raised.value is error
    [span] = collector.wait_for_spans("fails")
    assert span["status"]["code"] == 2 and span["status"]["message"] == "Odd"


def test_endless_recursion_ends_as_python_ends_it(collector: SpanCollector) -> None:
    @headgate.observe
    def deeper(n: int) -> int:
        return deeper(n + 1)

    with pytest.raises(RecursionError):
        deeper(0)

    @headgate.observe
    def after() -> str:
        return "still here"

    assert after() == "still here"
    collector.wait_for_spans("after")
    assert trace.get_current_span().get_span_context().is_valid is False, "nothing is left behind"


def test_feedback_goes_out_with_its_id_and_time(collector: SpanCollector) -> None:
    @headgate.observe
    def answer() -> str | None:
        return headgate.feedback("length", 0.5, source="code")

    said = answer()
    assert headgate.feedback("helpful", True, session="s1", id="mine") == "mine"
    assert headgate.feedback("helpful", True) is None, "there is no trace, and no subject"
    for endless in (float("nan"), float("-inf")):
        assert headgate.feedback("stars", endless, session="s1") is None, "nobody can count with it"
    collector.wait_for(lambda: len(collector.feedback) == 2)
    [span] = collector.wait_for_spans("answer")
    first, second = sorted(collector.feedback, key=lambda each: each["name"] == "helpful")
    assert (first["trace_id"], first["id"], first["value"]) == (span["traceId"], said, 0.5)
    assert (second["session"], second["id"]) == ("s1", "mine") and "+00:00" in second["at"]
    assert ("/api/v1/feedback/batch", "Bearer hg_of_tests") in {
        (path, headers["authorization"]) for path, headers in collector.requests
    }
