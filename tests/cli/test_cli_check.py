"""`headgate check` against a scripted server: statuses, what is kept, and what ends it early."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.cli.scripted_api import Script, ScriptedApi, interrupted, serving, surround

from headgate.checks.store import NewRun
from headgate.cli.app import main
from headgate.judges.model import NewJudge, version_of

RUN = "0190a0a0-0000-7000-8000-00000000000a"
RUNS = "/api/v1/checks/runs"
CHAT = "/v1/chat/completions"
CHECKS = """
[[checks]]
name = "orders"
dataset = "{dataset}"
model = "assistant"
repeats = {repeats}
scorers = [{scorer}]
requirements = [{{ at_least = 0.8{judged} }}]
"""
EXACT = '{ name = "right", kind = "exact" }'
JUDGE = '{ name = "polite", kind = "judge", model = "judge", rubric = "Is it polite?" }'


def completion(text: str) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": text}}], "usage": {}}


def checks(
    folder: Path,
    *,
    scorer: str = EXACT,
    repeats: int = 1,
    dataset: str = "cases.jsonl",
    judged: str | None = None,
) -> None:
    cases = [{"id": f"{number:03}", "input": f"{number}?", "expected": "yes"} for number in range(60)]
    (folder / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    word = "" if judged is None else f', judged = "{judged}"'
    text = CHECKS.format(scorer=scorer, repeats=repeats, dataset=dataset, judged=word)
    (folder / "checks.toml").write_text(text)


@pytest.fixture(autouse=True)
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    scripted = ScriptedApi()
    scripted.on("POST", RUNS, {"id": RUN}, 201)
    scripted.on("POST", f"{RUNS}/{RUN}/results", {"accepted": 1}, 202)
    scripted.on("PATCH", f"{RUNS}/{RUN}", {})
    scripted.on("POST", CHAT, completion("yes"))
    with serving(scripted):
        surround(monkeypatch, scripted, tmp_path)
        yield scripted


def calls(api: ScriptedApi) -> list[Any]:
    return [body for method, path, _, body in api.asked if (method, path) == ("POST", CHAT)]


def kept(api: ScriptedApi) -> list[Any]:
    return [
        result
        for method, path, _, body in api.asked
        if (method, path) == ("POST", f"{RUNS}/{RUN}/results")
        for result in body["results"]
    ]


def test_a_check_passes_and_its_results_are_kept_without_what_was_said(
    api: ScriptedApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks(tmp_path)
    assert main(["check"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("orders passes, after ")
    assert f"run {RUN}: 0 USD, and {len(calls(api))} calls without a known price" in shown
    assert len(kept(api)) == len(calls(api)) < 60
    assert set(kept(api)[0]) >= {"case", "repeat", "request_id", "marks"}
    assert "text" not in kept(api)[0]
    (ended,) = [body for method, _, _, body in api.asked if method == "PATCH"]
    assert ended["verdict"] == "met"
    assert ended["report"]["counts"] == {"failed": 0, "wrong": 0, "missing": 0}


def test_clusters_are_kept_with_results(api: ScriptedApi, tmp_path: Path) -> None:
    checks(tmp_path)
    assert main(["check"]) == 0
    begun = [body for method, path, _, body in api.asked if (method, path) == ("POST", RUNS)]
    assert "largest_cluster" not in begun[0]
    assert not any("cluster" in each for each in kept(api))
    cases = [{"input": f"{number}?", "expected": "yes", "cluster": f"c{number // 3}"} for number in range(59)]
    cases.append({"input": "alone?", "expected": "yes"})
    (tmp_path / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    api.asked.clear()
    assert main(["check", "--all"]) == 0
    begun = [body for method, path, _, body in api.asked if (method, path) == ("POST", RUNS)]
    assert begun[0]["largest_cluster"] == 3
    named = [each.get("cluster") for each in kept(api)]
    assert (len(named), named.count("c0"), named.count("c19"), named.count(None)) == (60, 3, 2, 1)


def test_a_check_that_does_not_hold_has_status_1_and_one_that_is_not_known_2(
    api: ScriptedApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks(tmp_path)
    api.on("POST", CHAT, completion("no"))
    assert main(["check", "--json"]) == 1
    (said,) = json.loads(capsys.readouterr().out)
    assert said["targets"][0]["report"]["verdict"] == "not met"
    (tmp_path / "cases.jsonl").write_text('{"input": "1?", "expected": "no"}')
    assert main(["check"]) == 2
    assert "it asks for about" in capsys.readouterr().out


def test_a_run_goes_on_without_asking_again(
    api: ScriptedApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks(tmp_path)
    file = tmp_path / "checks.toml"
    # One after the other: of several at once, any number may overtake one that is slow.
    file.write_text(file.read_text().replace("[[checks]]\n", "[[checks]]\nconcurrency = 1\n"))
    assert main(["check"]) == 0
    begun = next(body for method, path, _, body in api.asked if (method, path) == ("POST", RUNS))
    known = [{"target": "", "problem": "", "request_id": "", **result} for result in kept(api)[:10]]
    before = len(calls(api))
    api.on("GET", f"{RUNS}/{RUN}", {"run": begun, "definition": begun["definition"], "report": None})
    api.items(f"{RUNS}/{RUN}/results", *known)
    assert main(["check", "--resume", RUN]) == 0
    again = calls(api)[before:]
    assert len(again) <= before - 10 + 4
    asked_before = {result["case"] for result in known}
    assert not [body for body in again if f"{int(body['messages'][0]['content'][:-1]):03}" in asked_before]
    checks(tmp_path, repeats=2)
    assert main(["check", "--resume", RUN]) == 1
    assert "was made when the check read otherwise" in capsys.readouterr().err
    checks(tmp_path)
    (tmp_path / "cases.jsonl").write_text('{"input": "1?", "expected": "no"}')
    assert main(["check", "--resume", RUN]) == 1
    assert "was made with other cases" in capsys.readouterr().err


@pytest.mark.parametrize("beside", [["--compare", "assistant", "other"], ["--matrix"]])
def test_a_run_of_one_target_is_not_resumed_as_a_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], beside: list[str]
) -> None:
    checks(tmp_path)
    assert main(["check", *beside, "--resume", RUN]) == 1
    assert "--resume goes on with the run of one target" in capsys.readouterr().err


def test_what_a_judge_has_said_before_is_not_asked_again(api: ScriptedApi, tmp_path: Path) -> None:
    checks(tmp_path, scorer=JUDGE, judged="as said")

    asked: list[str] = []

    def take(method: str, target: str, content: bytes, own: Any = api.take) -> Any:
        if target == "/api/v1/checks/judgements":
            digest = json.loads(content)["digests"][0]
            asked.append(digest)
            item = {"digest": digest, "score": 1.0, "reason": "it is"}
            return 200, json.dumps({"items": [item]}).encode()
        return own(method, target, content)

    api.take = take
    assert main(["check"]) == 0
    assert asked
    assert {body["model"] for body in calls(api)} == {"assistant"}
    assert {result["marks"]["polite"]["reason"] for result in kept(api)} == {"it is"}


def test_what_a_judge_says_is_sent_on_and_its_score_is_shown_corrected(
    api: ScriptedApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks(tmp_path, scorer=JUDGE)
    version = version_of(NewJudge(name="polite", model="judge", scale="yes_no", rubric="Is it polite?"))
    said = {"said": 1.0, "truth": 1.0, "count": 40}, {"said": 1.0, "truth": 0.0, "count": 10}
    pairs = [*said, {"said": 0.0, "truth": 0.0, "count": 40}]
    calibration = {"judge": "orders.polite", "version": version, "scale": "yes_no", "pairs": pairs}
    api.on("GET", f"/api/v1/judgements/{version}", calibration)
    fed = {"judge": "orders.polite", "version": version, "kept": 1, "chosen": 0}
    first = {**fed, "missing": ["0190a0a0-0000-7000-8000-000000000001"]}
    api.on("POST", "/api/v1/judgements", Script(first, {**fed, "missing": []}))
    api.on("POST", "/api/v1/checks/judgements", {"items": []})

    def take(method: str, target: str, content: bytes, own: Any = api.take) -> Any:
        status, answer = own(method, target, content)
        if target == CHAT and json.loads(content)["model"] == "judge":
            return status, json.dumps(completion('{"reasoning": "so", "score": 1}')).encode()
        return status, answer

    api.take = take
    api.heads = lambda number: {"x-headgate-request-id": f"0190a0a0-0000-7000-8000-{number:012}"}
    assert main(["check"]) == 0
    shown = capsys.readouterr().out
    assert "  polite, corrected for its judge's errors: 100.0 % (" in shown
    assert "if it errs here as on the 90 answers that people marked." in shown
    sent = [body for method, path, _, body in api.asked if (method, path) == ("POST", "/api/v1/judgements")]
    assert {body["judge"]["name"] for body in sent} == {"orders.polite"}
    assert sent[0]["items"][0]["marks"] == [{"value": True, "reason": "so", "repeat": 0}]
    assert sent[0]["items"][0]["content"] == {"reference": "yes", "context": ""}
    (ended,) = [body for method, _, _, body in api.asked if method == "PATCH"]
    assert ended["report"]["corrections"][0]["marks"] == 90
    (required,) = ended["report"]["requirements"]
    assert (required["judged"], required["marked"], required["verdict"]) == ("corrected", 90, "met")
    assert "  polite holds: at least 80 % of such cases, at 5 % error (100 % of " in shown
    assert "of all, by the 90 answers that people marked)." in shown


def test_without_marks_by_people_a_judges_word_decides_nothing_unless_the_file_takes_it(
    api: ScriptedApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    version = version_of(NewJudge(name="polite", model="judge", scale="yes_no", rubric="Is it polite?"))
    nobody: dict[str, Any] = {"judge": "orders.polite", "version": version, "scale": "yes_no", "pairs": []}
    api.on("GET", f"/api/v1/judgements/{version}", nobody)
    api.on("POST", "/api/v1/judgements", {"missing": []})
    api.on("POST", "/api/v1/checks/judgements", {"items": []})

    def take(method: str, target: str, content: bytes, own: Any = api.take) -> Any:
        status, answer = own(method, target, content)
        if target == CHAT and json.loads(content)["model"] == "judge":
            return status, json.dumps(completion('{"reasoning": "so", "score": 1}')).encode()
        return status, answer

    api.take = take
    checks(tmp_path, scorer=JUDGE)
    assert main(["check"]) == 2
    shown = capsys.readouterr().out
    assert "orders is not decided: " in shown and "it asks for about 30 more marks by people" in shown
    assert "people have marked none of its answers" in shown
    assert "about 30 marks by people would tell how many it takes" in shown
    assert "`headgate reviews next --judge orders.polite`" in shown
    checks(tmp_path, scorer=JUDGE, judged="as said")
    assert main(["check"]) == 0
    assert "  polite holds, as its judge says: at least 80 % of such cases" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        (401, ("the gateway refuses the calls", 3)),
        (402, ("the gateway refuses the calls", 3)),
        (502, ("failed", 1)),
    ],
)
def test_what_goes_wrong_always_is_said_with_the_next_step(
    status: int,
    ending: tuple[str, int],
    api: ScriptedApi,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    message, expected = ending
    checks(tmp_path)
    api.on("POST", CHAT, {"error": {"message": "not today"}}, status)
    assert main(["check"]) == expected
    shown = capsys.readouterr()
    assert message in shown.out
    assert "not today" in shown.out
    assert ("headgate check checks.toml" in shown.err) is (expected == 3)


def test_a_run_that_ends_before_its_first_result_is_taken_back(
    api: ScriptedApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks(tmp_path)
    api.on("POST", CHAT, {"error": {"message": "not today"}}, 402)
    api.on("DELETE", f"{RUNS}/{RUN}", None, 204)
    assert main(["check"]) == 3
    shown = capsys.readouterr()
    assert "no run is kept, since nothing came of it" in shown.out
    assert "--resume" not in shown.err
    assert [path for method, path, _, _ in api.asked if method == "DELETE"] == [f"{RUNS}/{RUN}"]
    assert not [path for method, path, _, _ in api.asked if method == "PATCH"]


def test_a_comparison_ends_once_it_is_known_and_asks_all_cases_otherwise(
    api: ScriptedApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks(tmp_path)

    plain = api.take

    def take(method: str, target: str, content: bytes) -> Any:
        status, answer = plain(method, target, content)
        if target == CHAT and json.loads(content)["model"] == "hasty":
            return status, json.dumps(completion("no")).encode()
        return status, answer

    api.take = take
    assert main(["check", "--compare", "careful", "hasty"]) == 0
    shown = capsys.readouterr().out
    assert "careful is better than hasty on right by 100.0 points" in shown
    assert "; known before all were asked." in shown
    assert len(calls(api)) == 40, "one round of twenty cases each"
    assert len(kept(api)) == 40
    assert main(["check", "--compare", "careful", "hasty", "--all"]) == 0
    assert "of the same 60 cases." in capsys.readouterr().out
    before = len(calls(api))
    assert before == 40 + 120
    assert main(["check", "--compare", "careful", "other"]) == 0
    assert "careful and other are not known to differ on right" in capsys.readouterr().out
    assert len(calls(api)) == before + 120
    api.take = plain
    api.on("POST", CHAT, {"error": {"message": "not today"}}, 402)
    api.on("DELETE", f"{RUNS}/{RUN}", None, 204)
    assert main(["check", "--compare", "careful", "hasty"]) == 3
    assert "careful is better" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        ("shop/careful", "shop/hasty", ["shop-careful", "shop-hasty"]),
        ("greeting@1", "shop/greeting@canary", ["greeting-1", "shop-greeting-canary"]),
    ],
)
def test_models_and_prompts_are_compared_under_names_that_the_server_takes(
    api: ScriptedApi, tmp_path: Path, one: str, other: str, names: list[str]
) -> None:
    checks(tmp_path)
    assert main(["check", "--compare", one, other]) == 0
    begun = [body for method, path, _, body in api.asked if (method, path) == ("POST", RUNS)]
    assert [msgspec.convert(body, NewRun).target for body in begun] == names
    asked = {str(body["prompt"]["version"] if "prompt" in body else body["model"]) for body in calls(api)}
    assert asked == ({"1", "canary"} if "@" in one else {one, other})


def test_a_matrix_shows_costs_between_their_ends_or_tokens(
    api: ScriptedApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks(tmp_path)
    file = tmp_path / "checks.toml"
    file.write_text(file.read_text().replace('model = "assistant"', 'models = ["large", "small"]'))
    usage = {"prompt_tokens": 4, "completion_tokens": 2}
    api.on("POST", CHAT, {**completion("yes"), "usage": usage})
    assert main(["check", "--matrix", "--margin", "0.1"]) == 0
    shown = capsys.readouterr().out
    assert "right: which is cheapest is not known; no price is known of calls of " in shown
    assert shown.count("no known price") == 2
    assert main(["check", "--matrix", "--margin", "0.1", "--by", "tokens"]) == 0
    shown = capsys.readouterr().out
    assert "is the one with the fewest tokens that is not worse than the best by more than 10 points" in shown
    assert "tokens a call" in shown
    assert shown.count("6.0  the same in each") == 2


def test_a_server_that_is_away_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checks(tmp_path)
    monkeypatch.setenv("HEADGATE_URL", "http://127.0.0.1:9")
    assert main(["check"]) == 3
    assert "no server answers at http://127.0.0.1:9" in capsys.readouterr().err


def test_ctrl_c_ends_at_once_with_what_is_known_and_how_to_go_on(api: ScriptedApi, tmp_path: Path) -> None:
    checks(tmp_path)
    status, shown, said = interrupted(api, tmp_path, "check", path=CHAT, after=8)
    assert status == 130, said
    assert b"orders is not decided: it was interrupted; " in shown
    assert f"headgate check checks.toml --resume {RUN}".encode() in said
    assert 4 <= len(kept(api)) < 60


def test_a_dataset_of_the_server_is_taken_in_its_version(api: ScriptedApi, tmp_path: Path) -> None:
    checks(tmp_path, dataset="orders@2")
    api.items("/api/v1/datasets/orders/cases", {"id": "a", "input": "1?", "expected": "yes"})
    assert main(["check"]) == 2
    (asked,) = [query for _, path, query, _ in api.asked if path == "/api/v1/datasets/orders/cases"]
    assert asked == {"version": "2"}
    assert len(calls(api)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "other"], "there is no such check in the file"),
        (["other.toml"], "other.toml can't be read"),
        (["--compare", "a", "a"], "a is compared with itself"),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks(tmp_path)
    assert main(["check", *arguments]) == 1
    assert message in capsys.readouterr().err


def test_datasets_are_made_of_files_and_of_calls(
    api: ScriptedApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks(tmp_path)
    added = {"name": "orders", "version": 1, "cases": 60, "added": 60, "changed": 0, "removed": 0}
    taken = {"added": added, "calls": 3, "other_dialects": 1, "without_body": 1, "repeated": 0}
    api.on("POST", "/api/v1/datasets", {"name": "orders"}, 201)
    api.on("POST", "/api/v1/datasets/orders/cases", added, 201)
    api.on("POST", "/api/v1/datasets/orders/calls", taken, 201)
    assert main(["datasets", "create", "orders", "cases.jsonl"]) == 0
    assert "orders@1 has 60 cases: 60 new" in capsys.readouterr().err
    assert main(["datasets", "add", "orders", "--feedback", "thumb", "--most", "0", "--mark", "bad"]) == 0
    assert "1 of 3 calls have no body on record" in capsys.readouterr().err
    assert api.asked[-1][3] == {"feedback": "thumb", "most": 0.0, "limit": 100, "tags": ["bad"]}
    assert main(["datasets", "add", "orders"]) == 1
    assert "not both, not neither" in capsys.readouterr().err
    (tmp_path / "bad.jsonl").write_text("{}")
    assert main(["datasets", "add", "orders", "bad.jsonl"]) == 1
    assert "bad.jsonl:1: it asks nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cases.jsonl", "--from", "traces", "--filter", "user=anna"], "do not go with --from traces"),
        (["--from", "traces", "--filter", "user=anna", "--replace"], "do not go with --from traces"),
        (["--model", "assistant", "--filter", "user=anna"], "are of traces, and none are asked for"),
        (["cases.jsonl", "--expected"], "are of traces, and none are asked for"),
    ],
)
def test_cases_are_of_a_file_of_calls_or_of_traces(
    api: ScriptedApi, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    checks(tmp_path)
    assert main(["datasets", "add", "told", *words]) == 1
    assert said in capsys.readouterr().err
    assert not api.asked
