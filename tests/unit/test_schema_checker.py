"""Answers held against schemas in processes of their own: what they find, and what their limits do."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest

from headgate.gateway.schema_checker import ANSWER_CHARACTERS_MAX, SCHEMA_BYTES_MAX, SchemaChecker

PERSON = json.dumps({"type": "object", "required": ["name"]}).encode()
NODE = {"$ref": "#/$defs/n"}
HOSTILE = json.dumps(
    {
        **NODE,
        "$defs": {"n": {"anyOf": [{"properties": {"a": NODE}, "required": [name]} for name in "bc"]}},
    }
).encode()
"""Takes twice as long for each level of an answer."""
DEEP = '{"a":' * 40 + "1" + "}" * 40


@pytest.fixture
async def checker() -> AsyncIterator[SchemaChecker]:
    made = SchemaChecker()
    yield made
    await made.stop()


async def test_it_finds_what_is_wrong(checker: SchemaChecker) -> None:
    assert await checker.fault_of(PERSON) is None
    fault = await checker.fault_of(b'{"properties": {"a": {"type": "objekt"}}}')
    assert fault is not None and fault.startswith('$.properties.a.type: "objekt" is not')
    assert await checker.violations(PERSON, '{"name": 1}', quotes=True) == []
    assert await checker.violations(PERSON, "{}", quotes=True) == ['$: "name" is a required property']
    unquoted = await checker.violations(b'{"type": "string"}', '{"secret": 1}', quotes=False)
    assert unquoted == ['$: the value is not of type "string"']


async def test_at_most_two_processes_answer_many(checker: SchemaChecker) -> None:
    texts = [json.dumps({"name": place} if place % 2 else {}) for place in range(20)]
    found = await asyncio.gather(*(checker.violations(PERSON, text, quotes=True) for text in texts))
    assert [bool(lines) for lines in found] == [place % 2 == 0 for place in range(20)]
    assert 1 <= len(checker.processes) <= 2


async def test_what_takes_too_long_ends_and_nobody_else_waits(checker: SchemaChecker) -> None:
    await checker.fault_of(PERSON)
    longest_s = 0.0

    async def look() -> None:
        nonlocal longest_s
        while True:
            begun_s = time.monotonic()
            await checker.violations(PERSON, "{}", quotes=True)
            longest_s = max(longest_s, time.monotonic() - begun_s)

    looking = asyncio.create_task(look())
    (line,) = await checker.violations(HOSTILE, DEEP, quotes=True)
    looking.cancel()
    await asyncio.wait([looking])
    assert line == "$: can't be held against the schema within 0.5 s"
    assert 0 < longest_s < 5, "the other process goes on meanwhile"
    assert "make it simpler" in str(await checker.fault_of(HOSTILE))


async def test_a_process_that_died_in_its_sleep_is_replaced(checker: SchemaChecker) -> None:
    await checker.fault_of(PERSON)
    (process,) = checker.processes
    process.kill()
    await process.wait()
    assert await checker.violations(PERSON, "{}", quotes=True) == ['$: "name" is a required property']


async def test_who_stops_waiting_leaves_no_answer_behind(checker: SchemaChecker) -> None:
    await checker.fault_of(PERSON)
    waiting = asyncio.create_task(checker.violations(HOSTILE, DEEP, quotes=True))
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await checker.violations(PERSON, '{"name": 1}', quotes=True) == []


async def test_sizes_are_bounded(checker: SchemaChecker) -> None:
    assert "larger than" in str(await checker.fault_of(b" " * (SCHEMA_BYTES_MAX + 1)))
    (line,) = await checker.violations(PERSON, " " * (ANSWER_CHARACTERS_MAX + 1), quotes=True)
    assert "is longer than" in line
    assert not checker.processes


async def test_processes_end_with_it() -> None:
    checker = SchemaChecker()
    await checker.fault_of(PERSON)
    (process,) = checker.processes
    await checker.stop()
    assert process.returncode == 0 and not checker.processes
