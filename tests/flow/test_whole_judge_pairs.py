"""Pairs for a judge that compares, made by a command, through a whole `headgate up`."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from demo.running import Running, headgate
from tests.flow.conftest import Command
from tests.flow.scripted_provider import completion, whole
from tests.flow.server_thread import ServerThread

PRICE = '[prices."writer/{}"]\ninput = "1"\noutput = "1"\nmax_output = 1000\ncontext_window = 100000\n'
CASES = 12
LONG_AGO = """
insert into series_sums
select dimension, step_s, project, at - interval '60 days', value, status_class, requests, input, cache_read,
    cache_write, output, reasoning, 1000, unpriced, estimated, durations, first_tokens
from series_sums where dimension = 'model'
"""
"""Calls of the same models two months before, which cost more."""


class Writer(ServerThread):
    """A provider: one model is brief, the other is not, and the judge takes what stands first of the even."""

    def __init__(self) -> None:
        super().__init__("writer")
        self.asked: Counter[str] = Counter()

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head.lower())
        body = json.loads(await reader.readexactly(int(found[1]) if found else 0))
        self.asked[body["model"]] += 1
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        writer.write(whole(json.dumps(completion(self._says(body), usage)).encode()))
        await writer.drain()
        return True

    def _says(self, body: dict[str, Any]) -> str:
        said = body["messages"][-1]["content"]
        if body["model"] != "judge":
            return f"{said} Yes." if body["model"] == "brief" else f"{said} Yes, and at great length."
        shown = json.loads(said)
        number = int(re.findall(r"\d+", shown["question"])[0])
        brief = "first" if len(shown["first"]) < len(shown["second"]) else "second"
        return json.dumps({"reasoning": "so", "better": "first" if number % 2 == 0 else brief})


@pytest.fixture(scope="module")
def writer() -> Iterator[Writer]:
    with Writer() as opened:
        yield opened


@pytest.fixture(scope="module")
def running(writer: Writer) -> Iterator[Running]:
    config = f'[providers.writer]\nkind = "openai-compatible"\nbase_url = "{writer.base_url}"\n'
    prices = "\n".join(PRICE.format(name) for name in ("brief", "long", "judge"))
    with headgate(config + prices) as opened:
        yield opened


def cases(folder: Path) -> str:
    lines = [json.dumps({"id": f"c{number}", "input": f"Is it {number}?"}) for number in range(CASES)]
    (folder / "cases.jsonl").write_text("\n".join(lines))
    return str(folder / "cases.jsonl")


def define(
    folder: Path,
    command: Command,
    rubric: str = "Which is better?",
    scale: str = "pairwise",
    **more: str,
) -> None:
    file = folder / "judge.json"
    file.write_text(
        json.dumps({"name": "brevity", "model": "writer/judge", "scale": scale, "rubric": rubric, **more})
    )
    assert command("judges", "define", str(file))[0] == 0


def test_pairs_are_made_asked_in_both_orders_and_wait_for_people(
    running: Running, writer: Writer, command: Command, tmp_path: Path
) -> None:
    define(tmp_path, command)
    words = ("judges", "pairs", "brevity", cases(tmp_path), "writer/brief", "writer/long")
    status, _, said = command(*words, "--dry-run")
    assert status == 0 and not writer.asked
    assert f"{CASES} pairs: {2 * CASES} answers and {2 * CASES} questions to writer/judge" in said
    assert "not known beforehand: no call of writer/brief and writer/long and writer/judge" in said
    status, out, _ = command(*words, "--review")
    assert status == 0
    assert f"{CASES} pairs; {2 * CASES} answers and {2 * CASES} questions, 0 without a verdict" in out
    assert f"{CASES} more wait for people" in out
    assert writer.asked == {"brief": CASES, "long": CASES, "judge": 2 * CASES}
    # A second time nothing is asked; another version of the judge is asked of the answers that are there.
    assert command(*words)[0] == 0
    assert writer.asked == {"brief": CASES, "long": CASES, "judge": 2 * CASES}
    define(tmp_path, command, rubric="Which is the better one?")
    for _ in range(100):
        status, _, said = command(*words, "--dry-run")
        if "USD, at what calls of these have cost" in said:
            break
        time.sleep(0.1)
    assert f"{CASES} pairs: 0 answers and {2 * CASES} questions" in said
    assert "about 0.000" in said
    assert command(*words)[0] == 0
    assert writer.asked == {"brief": CASES, "long": CASES, "judge": 4 * CASES}


def test_a_person_reads_both_answers_and_what_the_judge_said_is_kept_by_order(
    running: Running, writer: Writer, command: Command, tmp_path: Path
) -> None:
    review = running.api.get("/reviews/next", params={"judge": "brevity", "by": "anna"}).json()["review"]
    content = review["content"]
    assert content["a"].endswith("Yes.") and content["b"].endswith("at great length.")
    assert "writer/" not in json.dumps(review), "who answered would tell more than the answer"
    path = f"/reviews/{review['item']['id']}/marks"
    marked = running.api.post(path, json={"value": "a", "by": "anna"}).json()
    orders = sorted({(mark["shown"], mark["value"]) for mark in marked["marks"] if mark["source"] == "judge"})
    even = int(re.findall(r"\d+", content["a"])[0]) % 2 == 0
    assert orders == [("ab", "a"), ("ba", "b" if even else "a")]
    # A version that has not seen it is asked of the pair that people marked.
    define(tmp_path, command, rubric="Which is the better one?", prompt="Be strict.")
    asked = writer.asked["judge"]
    status, out, said = command("judges", "ask", "brevity")
    assert status == 0, said
    assert "2 questions about 1 of 1 answers that people marked" in said
    assert "2 questions, 0 without a verdict" in out and writer.asked["judge"] == asked + 2
    assert command("judges", "ask", "brevity")[0] == 0
    assert writer.asked["judge"] == asked + 2


def test_pairs_that_were_made_before_are_put_before_people_too(command: Command, tmp_path: Path) -> None:
    define(tmp_path, command, rubric="Which is the shorter?")
    words = ("judges", "pairs", "brevity", cases(tmp_path), "writer/long", "writer/brief")
    status, out, _ = command(*words)
    assert status == 0 and "0 more wait for people" in out
    status, out, _ = command(*words, "--review")
    assert status == 0 and "0 answers and 0 questions, 0 without a verdict" in out
    assert f"{CASES} more wait for people" in out


def test_costs_beforehand_are_those_of_the_last_month(
    running: Running, command: Command, tmp_path: Path
) -> None:
    with psycopg.connect(running.database_url(), autocommit=True) as connection:
        connection.execute(LONG_AGO)
    define(tmp_path, command, rubric="Which is cheaper?")
    words = ("judges", "pairs", "brevity", cases(tmp_path), "writer/brief", "writer/long", "--dry-run")
    assert "about 0.000" in command(*words)[2]


def test_what_is_no_pair_is_refused(command: Command, tmp_path: Path) -> None:
    words = ("judges", "pairs", "brevity", cases(tmp_path))
    status, _, said = command(*words, "writer/brief", "writer/brief")
    assert status == 1 and "writer/brief is paired with itself" in said
    define(tmp_path, command, scale="yes_no")
    status, _, said = command(*words, "writer/brief", "writer/long")
    assert status == 1 and "marks single answers (scale yes_no)" in said


def test_a_budget_ends_it_and_the_same_command_goes_on(
    writer: Writer, command: Command, tmp_path: Path
) -> None:
    define(tmp_path, command, rubric="Which would you read?")
    lines = [json.dumps({"id": f"d{number}", "input": f"Was it {number}?"}) for number in range(6)]
    (tmp_path / "more.jsonl").write_text("\n".join(lines))
    words = ("judges", "pairs", "brevity", str(tmp_path / "more.jsonl"), "writer/brief", "writer/long")
    before = writer.asked["brief"]
    status, out, _ = command(*words, "--budget", "0.00019", "--concurrency", "1")
    assert status == 0 and "note: the budget would not last for the next pair" in out
    asked = writer.asked["brief"] - before
    assert 0 < asked < 6
    assert command(*words)[0] == 0
    assert writer.asked["brief"] - before == 6
