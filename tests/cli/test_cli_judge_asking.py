"""`headgate judges ask` and `plan`: what is asked, kept and said, against a scripted server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.scripted_api import ScriptedApi, interrupted, serving, surround
from tests.cli.test_cli_judges import JUDGE, KAPPA, MARK, REVIEWED, SCORE, SHOWN

from headgate.cli.app import main
from headgate.cli.failure import EXIT_INTERRUPTED

CHAT = "/v1/chat/completions"
MARKS = "/api/v1/judges/helpful/marks"
PERSON: dict[str, Any] = {**MARK, "source": "person", "by": "anna", "value": True, "comment": ""}
BY_JUDGE: dict[str, Any] = {**MARK, "source": "judge", "by": "helpful", "value": True, "comment": ""}


def answered(number: int, **more: Any) -> dict[str, Any]:
    identity = f"0190a0a0-0000-7000-8000-{number:012}"
    return {
        "item": {**REVIEWED, "id": identity, "request_id": identity},
        "chosen": "random",
        "sampled": True,
        "marks": [PERSON],
        "content": {"input": "How far is it?", "output": f"{number} miles."},
        **more,
    }


def completion(text: str) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": text}}], "usage": {}}


@pytest.fixture(autouse=True)
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    scripted = ScriptedApi()
    scripted.on("GET", "/api/v1/judges/helpful", {**SHOWN, "judge": {**JUDGE, "parameters": {}}})
    scripted.on("POST", MARKS, {"items": 1, "chosen": 0}, 201)
    scripted.on("POST", "/api/v1/checks/judgements", {"items": []})
    scripted.on("POST", CHAT, completion('{"reasoning": "so", "score": 1}'))
    scripted.heads = lambda number: {"x-headgate-cost-usd": "0.01"}
    scripted.items("/api/v1/reviews/export", *(answered(number) for number in range(6)))
    with serving(scripted):
        surround(monkeypatch, scripted, tmp_path)
        yield scripted


def asked(api: ScriptedApi) -> list[Any]:
    return [body for method, path, _, body in api.asked if (method, path) == ("POST", CHAT)]


def kept(api: ScriptedApi) -> list[Any]:
    sent = [body for method, path, _, body in api.asked if (method, path) == ("POST", MARKS)]
    assert all(body["version"] == JUDGE["version"] for body in sent)
    return [item for body in sent for item in body["items"]]


def test_what_people_marked_and_the_version_has_not_is_asked_once_each(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    done = answered(7, marks=[PERSON, {**BY_JUDGE, "version": JUDGE["version"]}])
    other = answered(8, marks=[PERSON, {**BY_JUDGE, "version": "fedcba9876543210"}])
    gone = answered(9, content={})
    claim = answered(10)
    claim["item"] |= {"subject": "case", "case": "a claim"}
    api.items("/api/v1/reviews/export", answered(1), done, other, gone, claim)
    assert main(["judges", "ask", "helpful", "--repeats", "2"]) == 0
    shown = capsys.readouterr()
    assert "7 questions about 4 of 5 answers that people marked; 1 can be read no more" in shown.err
    assert "It agrees with people beyond chance." in shown.out
    assert "7 questions, 0 without a verdict, 0.07 USD" in shown.out
    by_id = {item["request_id"][-2:]: item for item in kept(api)}
    assert [mark["repeat"] for mark in by_id["01"]["marks"]] == [0, 1]
    assert [mark["repeat"] for mark in by_id["07"]["marks"]] == [1]
    assert by_id["10"]["case"] == "a claim" and by_id["10"]["content"] == claim["content"]
    assert "case" not in by_id["08"]


def test_what_the_judge_said_in_a_check_is_not_paid_again(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    def take(method: str, target: str, content: bytes, own: Any = api.take) -> Any:
        status, answer = own(method, target, content)
        if target == "/api/v1/checks/judgements":
            digests = json.loads(content)["digests"]
            known = [{"digest": digest, "score": 0.0, "reason": "known"} for digest in digests[:4]]
            return status, json.dumps({"items": known}).encode()
        return status, answer

    api.take = take
    assert main(["judges", "ask", "helpful", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["asked"], told["known"]) == (2, 4)
    said = [item["marks"][0]["value"] for item in kept(api)]
    assert sorted(said) == [False] * 4 + [True] * 2


def test_a_budget_and_a_refusal_end_it_and_what_was_said_is_kept(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["judges", "ask", "helpful", "--budget", "0.025", "--concurrency", "1"]) == 0
    assert "note: the budget would not last for the next answer" in capsys.readouterr().out
    assert len(asked(api)) == len(kept(api)) == 2
    api.on("POST", CHAT, {"error": {"message": "not today"}}, 402)
    assert main(["judges", "ask", "helpful"]) == 0
    assert "note: the gateway refuses the calls: not today" in capsys.readouterr().out
    assert main(["judges", "ask", "helpful", "--budget", "much"]) == 1


def test_a_budget_that_lasts_for_all_answers_is_not_said_to_end_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["judges", "ask", "helpful", "--budget", "0.06", "--concurrency", "1"]) == 0
    shown = capsys.readouterr().out
    assert "6 questions" in shown and "note:" not in shown


def test_what_was_said_before_a_refusal_is_kept(api: ScriptedApi) -> None:
    def take(method: str, target: str, content: bytes, own: Any = api.take) -> Any:
        if target == CHAT and b"3 miles" in content:
            return 402, b'{"error": {"message": "not today"}}'
        return own(method, target, content)

    api.take = take
    assert main(["judges", "ask", "helpful", "--concurrency", "3"]) == 0
    assert len(kept(api)) == len(asked(api)) >= 3


def test_what_was_said_before_ctrl_c_is_kept(api: ScriptedApi, tmp_path: Path) -> None:
    command = ("judges", "ask", "helpful", "--concurrency", "1")
    status, _, said = interrupted(api, tmp_path, *command, path=CHAT, after=2)
    assert status == EXIT_INTERRUPTED, said
    assert len(kept(api)) == 2


def test_questions_that_failed_are_without_a_verdict(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.on("POST", CHAT, {"error": {"message": "the provider is away"}}, 502)
    assert main(["judges", "ask", "helpful"]) == 0
    assert "6 questions, 6 without a verdict" in capsys.readouterr().out
    assert kept(api) == []


def test_nonsense_is_a_mark_without_a_value_and_a_dry_run_asks_nothing(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["judges", "ask", "helpful", "--dry-run"]) == 0
    assert "6 questions about 6 of 6 answers" in capsys.readouterr().err
    assert asked(api) == []
    api.on("POST", CHAT, completion("I would rather not."))
    assert main(["judges", "ask", "helpful"]) == 0
    assert "6 without a verdict" in capsys.readouterr().out
    assert [item["marks"][0]["value"] for item in kept(api)] == [None] * 6
    api.items("/api/v1/reviews/export")
    assert main(["judges", "ask", "helpful"]) == 1
    assert "people have marked no answer of judge helpful" in capsys.readouterr().err


def test_a_plan_takes_what_is_known_and_says_what_it_assumes(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["judges", "plan", "helpful", "--within", "0.07"]) == 0
    shown = capsys.readouterr().out
    assert "on a random sample of 900 answers bring the corrected score within 7 points of the truth" in shown
    assert "104 are there" in shown
    assert "taken: share of good ones 0.62, finds of good ones 0.80" in shown
    assert "assumed, since nothing is known yet: finds of good ones, finds of bad ones" in shown
    assert main(["judges", "plan", "helpful", "--json", "--sensitivity", "0.95", "--specificity", "0.9"]) == 0
    better = json.loads(capsys.readouterr().out)
    assert better["assumed"] == []
    assert better["marks"] < better["without_judge"]
    assert main(["judges", "plan", "helpful", "--within", "0.005"]) == 0
    assert "No number of marks on 900 answers" in capsys.readouterr().out
    judge: dict[str, Any] = {**JUDGE, "parameters": {}, "scale": "one_to_five"}
    report: dict[str, Any] = {**SHOWN["report"], "findings": [SCORE, KAPPA]}
    api.on("GET", "/api/v1/judges/helpful", {**SHOWN, "judge": judge, "report": report})
    assert main(["judges", "plan", "helpful", "--within", "0.2", "--deviation", "1.1"]) == 0
    shown = capsys.readouterr().out
    assert "within 0.2 of 5 of the truth" in shown
    assert "assumed, since nothing is known yet: likeness" in shown
