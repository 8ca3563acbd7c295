"""`headgate check --compare` with a pairwise judge: both orders asked, turned minds counted."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.scripted_api import ScriptedApi, serving, surround

from headgate.cli.app import main
from headgate.judges.model import NewJudge, version_of

RUN = "0190a0a0-0000-7000-8000-00000000000a"
RUNS = "/api/v1/checks/runs"
CHAT = "/v1/chat/completions"
CHECKS = """
[[checks]]
name = "tone"
dataset = "cases.jsonl"
targets = [{ name = "one", model = "one" }, { name = "other", model = "other" }]
scorers = [{ name = "kinder", kind = "pairwise", model = "judge", rubric = "Which is kinder?" }]
"""
VERSION = version_of(NewJudge(name="kinder", model="judge", scale="pairwise", rubric="Which is kinder?"))
Better = Callable[[str, str], str]


def completion(text: str) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": text}}], "usage": {}}


def by_judge(better: Better) -> Callable[[Any], Any]:
    """Targets answer with their names; the judge by a function of what stands first and second."""

    def answer(body: Any) -> Any:
        if body["model"] != "judge":
            return completion(f"{body['model']} says {body['messages'][-1]['content']}")
        shown = json.loads(body["messages"][-1]["content"])
        said = better(shown["first"], shown["second"])
        return completion(json.dumps({"reasoning": "so", "better": said}))

    return answer


@pytest.fixture(autouse=True)
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    scripted = ScriptedApi()
    scripted.on("POST", RUNS, {"id": RUN}, 201)
    scripted.on("POST", f"{RUNS}/{RUN}/results", {"accepted": 1}, 202)
    scripted.on("PATCH", f"{RUNS}/{RUN}", {})
    scripted.on("POST", "/api/v1/checks/judgements", {"items": []})
    scripted.on("POST", "/api/v1/judgements", {"missing": []})
    scripted.on("GET", f"/api/v1/judgements/{VERSION}", said_by_people())
    scripted.heads = lambda number: {
        "x-headgate-request-id": f"0190a0a0-0000-7000-8000-{number:012}",
        "x-headgate-cost-usd": "0.01",
    }
    with serving(scripted):
        surround(monkeypatch, scripted, tmp_path)
        cases = [{"id": f"{number:03}", "input": f"{number}?"} for number in range(40)]
        (tmp_path / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
        (tmp_path / "checks.toml").write_text(CHECKS)
        yield scripted


def said_by_people(agreed: int = 0, opposed: int = 0) -> dict[str, Any]:
    """What people said of pairs that the judge has compared."""
    counts = {(1.0, 1.0): agreed, (0.0, 1.0): opposed}
    pairs = [{"said": said, "truth": truth, "count": n} for (said, truth), n in counts.items() if n]
    return {"judge": "tone.kinder", "version": VERSION, "scale": "pairwise", "pairs": pairs, "waiting": 0}


def bodies(api: ScriptedApi, path: str) -> list[Any]:
    return [body for method, at, _, body in api.asked if (method, at) == ("POST", path)]


def test_a_judge_that_prefers_one_decides_early_by_both_orders(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.on("POST", CHAT, by_judge(lambda first, second: "first" if first.startswith("one") else "second"))
    api.on("GET", f"/api/v1/judgements/{VERSION}", said_by_people(60, 2))
    assert main(["check", "--compare", "one", "other", "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)
    (found,) = said["comparisons"]
    assert (found["finding"], found["one_mean"], found["undecided"]) == ("better", 1.0, 0)
    assert found["sentence"].startswith("one is preferred to other on kinder by 100.0 points")
    assert (
        "without its judge's errors, by the 62 pairs that people marked; its judge says +100.0 points"
        in found["sentence"]
    )
    asked = bodies(api, CHAT)
    judged = [json.loads(body["messages"][-1]["content"]) for body in asked if body["model"] == "judge"]
    assert len(judged) == 2 * found["cases"]
    orders = {(pair["first"].split()[0], pair["second"].split()[0]) for pair in judged}
    assert orders == {("one", "other"), ("other", "one")}
    results = [result for body in bodies(api, f"{RUNS}/{RUN}/results") for result in body["results"]]
    marked = [result["marks"]["kinder"] for result in results if result["marks"]]
    assert len(marked) == found["cases"] and all(len(mark["asked"]) == 2 for mark in marked)
    (fed,) = bodies(api, "/api/v1/judgements")
    assert fed["judge"]["scale"] == "pairwise" and fed["judge"]["name"] == "tone.kinder"
    pair = fed["items"][0]
    assert pair["request_id"] != pair["other_request_id"] and min(pair["characters"]) > 5
    assert [(mark["shown"], mark["value"]) for mark in pair["marks"]] == [("ab", "a"), ("ba", "a")]


def test_of_a_judge_that_nobody_marked_its_word_is_all_there_is(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.on("POST", CHAT, by_judge(lambda first, second: "first" if first.startswith("one") else "second"))
    assert main(["check", "--compare", "one", "other", "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)
    (found,) = said["comparisons"]
    assert (found["finding"], found["difference"], found["said"]["estimate"]) == ("open", None, 1.0)
    assert found["sentence"].startswith(
        "it is not known which of one and other is preferred on kinder: people have marked 0 of the 30 pairs "
        "that would tell how it errs (`headgate reviews next --judge tone.kinder`); its judge says +100.0 "
    )
    assert found["cases"] < 40, "its word is plain: more cases would tell nothing more"


def test_a_judge_that_people_contradict_says_nothing(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.on("POST", CHAT, by_judge(lambda first, second: "first" if first.startswith("one") else "second"))
    api.on("GET", f"/api/v1/judgements/{VERSION}", said_by_people(30, 30))
    assert main(["check", "--compare", "one", "other"]) == 0
    assert "does not show that its judge tells good from bad better than by chance" in capsys.readouterr().out


def test_a_judge_that_takes_what_stands_first_decides_nothing_and_is_told(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.on("POST", CHAT, by_judge(lambda first, second: "first"))
    assert main(["check", "--compare", "one", "other"]) == 0
    shown = capsys.readouterr().out
    assert "it is not known which of one and other is preferred on kinder" in shown
    assert (
        "undecided in 40 of 40 pairs, 40 of them since the judge changed its mind with the order "
        "(40 times for what stood first, 0 for what stood second)" in shown
    )
    (fed,) = bodies(api, "/api/v1/judgements")
    assert [(mark["shown"], mark["value"]) for mark in fed["items"][0]["marks"]] == [("ab", "a"), ("ba", "b")]


def test_failed_calls_lose_and_nonsense_is_left_out(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    def take(method: str, target: str, content: bytes, own: Any = api.take) -> Any:
        body: Any = json.loads(content) if content else {}
        if target == CHAT and body["model"] == "other" and body["messages"][-1]["content"] == "7?":
            own(method, target, content)
            return 502, b'{"error": {"message": "away"}}'
        return own(method, target, content)

    def better(first: str, second: str) -> str:
        return "neither" if "3?" in first else "tie"

    api.on("POST", CHAT, by_judge(better))
    api.take = take
    assert main(["check", "--compare", "one", "other", "--all", "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)
    (found,) = said["comparisons"]
    left = sum("3?" in f"{number}?" for number in range(40))
    assert (found["cases"], found["left_out"]) == (40 - left, left)
    assert found["said"]["estimate"] == pytest.approx(1 / (40 - left))
    assert found["undecided"] == 40 - left - 1
    assert "no mark by kinder" not in found["sentence"]
    assert said["targets"][1]["report"]["wrong"] == []


def test_what_was_judged_before_is_not_asked_again(api: ScriptedApi) -> None:
    api.on("POST", CHAT, by_judge(lambda first, second: "tie"))

    def known(body: Any) -> Any:
        return {"items": [{"digest": each, "score": 1.0, "reason": "known"} for each in body["digests"]]}

    api.on("POST", "/api/v1/checks/judgements", known)
    assert main(["check", "--compare", "one", "other"]) == 0
    assert not [body for body in bodies(api, CHAT) if body["model"] == "judge"]


def test_it_marks_no_single_answer(
    api: ScriptedApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api.on("POST", CHAT, by_judge(lambda first, second: "first"))
    assert main(["check"]) == 0
    assert "kinder compares two targets, and was not asked" in capsys.readouterr().err
    assert not [body for body in bodies(api, CHAT) if body["model"] == "judge"]
    (tmp_path / "checks.toml").write_text(CHECKS + "requirements = [{ at_least = 0.8 }]\n")
    assert main(["check"]) != 0
    assert "which compares two targets and marks no single answer" in capsys.readouterr().err
