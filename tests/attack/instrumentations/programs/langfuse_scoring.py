# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""Langfuse's SDK, checking its keys and scoring a trace of its own, one of the scores twice."""

import os

from langfuse import Langfuse

langfuse = Langfuse(
    public_key="pk-lf-1",
    secret_key=os.environ["OPENAI_API_KEY"],
    base_url=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
)
assert langfuse.auth_check()
with langfuse.start_as_current_observation(name="answer") as span:
    span.score(name="relevant", value=0.5, score_id="of-span", comment="so so")
    trace = span.trace_id
for _ in range(2):
    langfuse.create_score(name="helpful", value=1, data_type="BOOLEAN", trace_id=trace, score_id="of-trace")
langfuse.create_score(name="mood", value="good", data_type="CATEGORICAL", session_id="session-1")
langfuse.flush()
print(trace)
langfuse.shutdown()
