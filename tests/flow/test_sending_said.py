"""What the span of a call says beside its tokens: prompt, arms of experiments, and what was asked for."""

import json

from tests.contract.made_entries import make_end, new_call
from tests.flow.collector import Collector
from tests.flow.test_sending_calls import CANARY, collector, configure, exporter, job, ship

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
