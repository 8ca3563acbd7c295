"""What the span of a call says beside its tokens: prompt, arms, what was asked for, and content."""

import json
from typing import Any

import pytest
from tests.contract.made_entries import make_body, make_end, new_call
from tests.flow.collector import Collector
from tests.flow.test_sending_calls import (
    CANARY,
    REQUEST,
    RESPONSE,
    collector,
    configure,
    exporter,
    job,
    ship,
)

from headgate.core.entries import Exposure, PromptUsed
from headgate.store.database import Database
from headgate.traces.sending.job import ExportJob

__all__ = ["collector", "job"]


async def test_a_span_says_prompt_arms_ending_and_what_was_asked_for(
    database: Database, collector: Collector, job: ExportJob
) -> None:
    one = exporter(collector.port)
    await configure(database, one)
    asked = {
        "temperature": 0.5,
        "reasoning_effort": "low",
        "service_tier": "flex",
        "stop": [CANARY],
        "response_format": {"type": "json_schema"},
        "encoding_format": CANARY,
    }
    end = make_end(
        new_call(),
        prompts=(PromptUsed(name="greeting", version=3),),
        exposures=(
            Exposure("smaller", "v1", "small", "ann", "user"),
            Exposure("unknown", "v2", "", "", "session"),
        ),
        parameters=json.dumps(asked).encode(),
        finish="tool_calls",
        served_model="gpt-5-mini-2026-01",
        record="metadata",
    )
    await ship(database, end)
    await job.drain(one, "traces")
    (span,) = collector.spans()
    expected = {
        "gen_ai.prompt.name": "greeting",
        "gen_ai.prompt.version": "3",
        "gen_ai.request.reasoning.level": "low",
        "openai.request.service_tier": "flex",
        "gen_ai.output.type": "json",
        "gen_ai.response.finish_reasons": ("tool_call",),
        "gen_ai.response.model": "gpt-5-mini-2026-01",
    }
    assert {name: span.attributes.get(name) for name in expected} == expected
    assert not collector.holds(CANARY), "free text is content"
    ((name, flag),) = span.events
    assert name == "feature_flag.evaluation"
    assert flag == {
        "feature_flag.key": "smaller",
        "feature_flag.result.variant": "small",
        "feature_flag.result.reason": "split",
        "feature_flag.version": "v1",
        "feature_flag.provider.name": "headgate",
    }


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
async def test_content_is_sent_where_it_is_wanted_in_its_shape(
    database: Database, collector: Collector, job: ExportJob, streamed: bool
) -> None:
    one = exporter(collector.port, content=True)
    await configure(database, one)
    call = new_call()
    response, kind = json.dumps(RESPONSE).encode(), "application/json"
    if streamed:
        delta = {"index": 0, "delta": {"content": f"a {CANARY}"}, "finish_reason": None}
        chunks: list[dict[str, Any]] = [{"id": "c", "model": "gpt-5-mini-2026", "choices": [delta]}]
        chunks += [{"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]
        response = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
        response, kind = response + b"data: [DONE]\n\n", "text/event-stream; charset=utf-8"
    body = make_body(call, json.dumps(REQUEST).encode(), response=response, response_content_type=kind)
    await ship(database, make_end(call), body)
    await job.drain(one, "traces")
    (span,) = collector.spans()
    read = {name: json.loads(value) for name, value in span.attributes.items() if "messages" in name}
    assert read["gen_ai.input.messages"] == [
        {"role": "user", "parts": [{"type": "text", "content": f"say {CANARY}"}]}
    ]
    assert read["gen_ai.output.messages"] == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": f"a {CANARY}"}],
            "finish_reason": "stop",
        }
    ]
    system = json.loads(span.attributes["gen_ai.system_instructions"])
    assert system == [{"type": "text", "content": f"be {CANARY}"}]
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert span.attributes["gen_ai.response.model"] == "gpt-5-mini-2026"


async def test_a_call_waits_for_its_content_which_may_never_come(
    database: Database, collector: Collector, job: ExportJob
) -> None:
    """Bodies are shipped beside records, later where much is going on; some were dropped."""
    one = exporter(collector.port, content=True)
    await configure(database, one)
    call, without = new_call(), new_call()
    await ship(database, make_end(call), make_end(without))
    await job.drain(one, "traces")
    assert collector.calls == 0
    body = make_body(call, json.dumps(REQUEST).encode(), response=json.dumps(RESPONSE).encode())
    await ship(database, body)
    await job.drain(one, "traces")
    (span,) = collector.spans()
    assert CANARY in str(span.attributes["gen_ai.input.messages"])
    async with database.transaction() as connection:
        await connection.execute("update exports set queued_at = queued_at - interval '61 seconds'")
    await job.drain(one, "traces")
    _, other = collector.spans()
    assert "gen_ai.input.messages" not in other.attributes


async def test_content_of_a_call_for_few_readers_stays(
    database: Database, collector: Collector, job: ExportJob
) -> None:
    one = exporter(collector.port, content=True)
    await configure(database, one)
    for part in ({"label_readers": ("ann",)}, {"label_purposes": ("care",)}):
        call = new_call()
        body = make_body(call, json.dumps(REQUEST).encode(), response=json.dumps(RESPONSE).encode())
        await ship(database, make_end(call, **part), body)
    await job.drain(one, "traces")
    assert len(collector.spans()) == 2 and not collector.holds(CANARY)
