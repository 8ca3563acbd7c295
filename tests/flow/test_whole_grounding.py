"""Groundedness from the command line, through a whole `headgate up`: judged, scored and replayed."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest
from demo.running import Running, chat, headgate
from tests.flow.conftest import Command
from tests.flow.scripted_provider import completion, whole
from tests.flow.server_thread import ServerThread

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
def command(command: Command) -> Command:
    return partial(command, "grounding")


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


def tagged(running: Running, content: str) -> None:
    """Make a call with the tag `town`, and wait until it is on record with its body."""
    body = {"model": "reader/assistant", "messages": [{"role": "user", "content": content}]}
    headers = {"authorization": f"Bearer {running.admin_key}", "x-headgate-tags": "town"}
    answer = httpx.post(f"{running.url}/v1/chat/completions", json=body, headers=headers, trust_env=False)
    identity = answer.headers["x-headgate-request-id"]
    for _ in range(200):
        found = running.api.get(f"/requests/{identity}")
        if found.status_code == 200 and found.json()["request"] is not None:
            return
        time.sleep(0.05)
    raise AssertionError("the call is not on record")


def test_an_answer_is_shown_judged_and_scored(running: Running, command: Command) -> None:
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


def test_a_replay_finds_the_piece_that_was_used(running: Running, command: Command) -> None:
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
    running: Running, command: Command
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


def test_many_calls_are_replayed_within_bounds_and_a_study_goes_on(
    running: Running, command: Command
) -> None:
    for number in range(14):
        tagged(running, f"{DOCUMENTS} Ask {number}.")
    select = ("replay", "--since", "1d", "--tag", "town", "--repeats", "2")
    status, out, err = command(*select, "--dry-run")
    assert (status, out) == (0, "") and "14 cases with 28 pieces: 84 calls; about " in err
    before = len(running.get("/grounding/studies")["items"])
    status, out, err = command(*select, "--budget", "0.001")
    assert status == 0 and "the same command goes on where this one ended" in err
    study = running.get("/grounding/studies")["items"][0]
    assert len(running.get("/grounding/studies")["items"]) == before + 1
    assert 0 < study["calls"] < 14 and study["ended"].startswith("the budget lasts for")
    status, out, err = command(*select)
    assert status == 0 and "are known already" in err
    found = running.get(f"/grounding/studies/{study['id']}")
    assert (found["study"]["calls"], found["findings"]["cases"], found["study"]["ended"]) == (14, 14, "")
    documents = {each["did"] for each in found["findings"]["groups"] if each["by"] == "document"}
    assert documents == {"used", "nothing shows"}
    assert found["findings"]["sentence"] in out and "answers apart" in out
    status, out, _ = command("studies")
    assert status == 0 and "calls since 1d, tag town" in out
    status, _, err = command("replay")
    assert status != 0 and "it is not said which calls to replay" in err


def test_a_dataset_is_replayed_case_by_case(running: Running, command: Command) -> None:
    running.api.post("/datasets", json={"name": "mountains"})
    cases = [{"id": f"m{number}", "input": f"{DOCUMENTS} Ask {number}."} for number in range(6)]
    cases.append({"id": "bare", "input": "How high is the Zugspitze?"})
    assert running.api.post("/datasets/mountains/cases", json={"cases": cases}).status_code == 201
    words = ("--dataset", "mountains", "--model", "reader/assistant", "--repeats", "4")
    status, out, err = command("replay", *words, "--judge", "reader/judge", "--json")
    assert status == 0, err
    found = json.loads(out)
    assert (found["study"]["dataset"], found["findings"]["cases"]) == ("mountains", 6)
    assert list(found["findings"]["left_out"].values()) == [1]
    assert all(each["difference"] is not None for each in found["findings"]["groups"])
    status, _, err = command("replay", "--dataset", "mountains")
    assert status != 0 and "write --model MODEL" in err
