"""Groundedness from the command line, through a whole `headgate up`: judged, scored and replayed."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from demo.running import Running, chat, headgate
from tests.flow.scripted_provider import completion, whole
from tests.flow.server_thread import ServerThread

from headgate.cli.app import main

DOCUMENTS = (
    "<doc>The Zugspitze is 2,962 metres high.</doc>\n<doc>It rains on every second day.</doc>\n"
    "How high is the Zugspitze?"
)
PRICE = '[prices."reader/{}"]\ninput = "1"\noutput = "1"\nmax_output = 1000\ncontext_window = 100000\n'


class Reader(ServerThread):
    """A provider whose models read what they are sent: one answers from it, one marks."""

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head.lower())
        body = json.loads(await reader.readexactly(int(found[1]) if found else 0))
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        writer.write(whole(json.dumps(completion(self._says(body), usage)).encode()))
        await writer.drain()
        return True

    def _says(self, body: dict[str, Any]) -> str:
        said = body["messages"][-1]["content"]
        if body["model"] == "mad":
            return "I would rather not say."
        if body["model"] == "judge":
            answer = json.loads(said)["answer"]
            return json.dumps({"reasoning": "by its number", "score": 0 if "1820" in answer else 1})
        if "2,962" in said:
            return "The Zugspitze is 2,962 metres high. Josef Naus climbed it in 1820."
        return "The documents do not say how high it is."


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with Reader("reader") as reader:
        config = f'[providers.reader]\nkind = "openai-compatible"\nbase_url = "{reader.base_url}"\n'
        prices = "\n".join(PRICE.format(name) for name in ("assistant", "judge", "mad"))
        with headgate(config + prices) as opened:
            yield opened


@pytest.fixture
def command(running: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setenv("HEADGATE_URL", running.url)
    monkeypatch.setenv("HEADGATE_KEY", running.admin_key)

    def run(*words: str) -> tuple[int, str, str]:
        status = main(["grounding", *words])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def recorded(running: Running, content: str = DOCUMENTS) -> str:
    """Make a call, and return its id once it is on record with its body."""
    answer = chat(running.url, running.admin_key, "reader/assistant", content)
    identity = answer.headers["x-headgate-request-id"]
    for _ in range(200):
        found = running.api.get(f"/requests/{identity}")
        if found.status_code == 200 and found.json()["request"] is not None:
            return identity
        time.sleep(0.05)
    raise AssertionError("the call is not on record")


def test_an_answer_is_shown_judged_and_scored(running: Running, command: Any) -> None:
    request = recorded(running)
    status, out, _ = command("show", request)
    assert status == 0
    assert "1 of 2 claims hold what stands nowhere in 3 pieces of context" in out
    assert "number '1820'" in out and "document" in out
    status, out, _ = command("check", request)
    assert (status, "Josef Naus climbed it in 1820." in out) == (1, True)
    status, out, _ = command("check", request, "--judge", "reader/judge", "--json")
    found = json.loads(out)
    assert (status, found["score"], found["kept"]) == (1, 0.5, True)
    assert found["unsupported"] == ["Josef Naus climbed it in 1820."]
    assert float(found["cost_usd"]) > 0
    kept = running.get("/feedback", name="groundedness", request_id=request)["items"]
    assert {(each["source"], each["value"]) for each in kept} == {("model", 0.5), ("code", 0.5)}
    assert all("Josef Naus climbed it in 1820." in each["comment"] for each in kept)
    status, out, _ = command("check", request, "--judge", "reader/mad")
    assert "can't be told: the judge answered" in out and status == 0
    assert len(running.get("/feedback", name="groundedness", request_id=request)["items"]) == len(kept)
    for _ in range(200):
        asked = [each for each in running.requests() if "grounding" in each["tags"]]
        if len(asked) == 4:
            return  # each question to a judge is a call on record
        time.sleep(0.05)
    raise AssertionError("the questions to the judge are not on record")


def test_a_replay_finds_the_piece_that_was_used(running: Running, command: Any) -> None:
    request = recorded(running)
    status, out, _ = command("replay", request, "--repeats", "6", "--json")
    found = json.loads(out)
    assert status == 0
    assert [each["did"] for each in found["effects"]] == ["used", "nothing shows"]
    assert float(found["cost_usd"]) > 0
    status, out, _ = command(
        "replay",
        request,
        "--without",
        "p1",
        "--repeats",
        "6",
        "--budget",
        "0.00003",
        "--judge",
        "reader/judge",
    )
    assert status == 0 and "note: the budget lasted for 1 of 6 rounds" in out
    status, _, err = command("replay", request, "--without", "p9")
    assert status == 1 and "there is no piece 'p9'" in err


def test_a_sample_of_live_traffic_is_held_and_what_cant_be_told_is_said(
    running: Running, command: Any
) -> None:
    alone = recorded(running, "How high is the Zugspitze?")
    recorded(running)
    status, out, _ = command("sample", "--since", "1h", "--rate", "1", "--json")
    found = {each["request_id"]: each for each in json.loads(out)}
    assert status == 0 and found[alone]["score"] is None
    assert "the call had no context" in found[alone]["sentence"]
    assert any(each["unsupported"] for each in found.values())
    status, out, _ = command("sample", "--rate", "1", "--most", "3")
    assert status == 0 and "3 calls of the sample" in out
    status, _, err = command("sample", "--since", "soon")
    assert status == 1 and "write --since 15m, 1h or 1d" in err
    status, _, err = command("replay", alone)
    assert status == 1 and "the call had no context" in err
