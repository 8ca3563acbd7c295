"""An application that observes itself, a whole house, and the one trace that comes of both."""

import os
import subprocess
import sys
import textwrap
import time
from typing import Any

from demo.running import Running, headgate

from headgate.core.identity import trace_id_of

CONFIG = """
[providers.mock]
kind = "mock"

[models.assistant]
targets = ["mock/large"]
"""
WAIT_S = 30.0

APPLICATION = """
    import asyncio, os
    import openai
    import headgate

    place = os.environ["HEADGATE_URL"] + "/v1"
    client = openai.AsyncOpenAI(base_url=place, api_key=os.environ["HEADGATE_KEY"])

    @headgate.observe(kind="retriever")
    def documents(question):
        yield "Shoes can be returned."
        yield "Within 30 days."

    @headgate.observe
    async def ask(question, found):
        answer = await client.chat.completions.create(
            model="assistant",
            messages=[{"role": "system", "content": found}, {"role": "user", "content": question}],
            extra_headers=headgate.headers(),
        )
        return answer.choices[0].message.content

    @headgate.observe(kind="workflow")
    async def answer(question):
        return await ask(question, " ".join(documents(question)))

    async def main():
        with headgate.context(session="s-1", user="anna", tags=["shop"], business_id="order-7"):
            await answer("May I return shoes?")

    asyncio.run(main())
    headgate.feedback("helpful", True, business_id="order-7")
    assert headgate.flush(20)
"""


def shown(running: Running, trace_id: str) -> dict[str, Any]:
    """The trace, once it has all that is to come."""
    until = time.monotonic() + WAIT_S
    while True:
        answer = running.api.get(f"/traces/{trace_id}")
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {"spans": []}
        spans: list[dict[str, Any]] = found["spans"]
        names = {span["name"] for span in spans}
        calls = [span for span in spans if span.get("request_id")]
        if {"answer", "ask", "documents"} <= names and calls:
            return found
        assert time.monotonic() < until, (answer.status_code, found)
        time.sleep(0.1)


def test_what_is_observed_and_the_calls_of_it_are_one_trace() -> None:
    with headgate(CONFIG) as running:
        made = running.api.post("/keys", json={"name": "shop", "may_assert": True}).json()
        environment = {**os.environ, "HEADGATE_URL": running.url, "HEADGATE_KEY": made["key"]}
        script = textwrap.dedent(APPLICATION)
        subprocess.run([sys.executable, "-c", script], env=environment, timeout=60, check=True)
        trace_id = trace_id_of("order-7").hex()
        found = shown(running, trace_id)
        spans = {span["name"]: span for span in found["spans"]}
        assert spans["answer"]["parent_id"] is None
        assert spans["ask"]["parent_id"] == spans["documents"]["parent_id"] == spans["answer"]["span_id"]
        [call] = [span for span in found["spans"] if span.get("request_id")]
        assert call["parent_id"] == spans["ask"]["span_id"] or call["span_id"] == spans["ask"]["span_id"]
        assert (found["session"], found["user"]) == ("s-1", "anna")
        [said] = running.api.get("/feedback", params={"trace_id": trace_id}).json()["items"]
        assert (said["name"], said["value"], said["business_id"]) == ("helpful", True, "order-7")
