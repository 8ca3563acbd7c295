"""The output and the errors of `headgate judges` and `headgate reviews`, as kept in snapshots_judges.

`HEADGATE_UPDATE_SNAPSHOTS=1` writes them again; then read the difference."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.kept_output import KeptOutput
from tests.cli.scripted_api import ScriptedApi, serving, surround

from headgate.cli.app import main

REQUEST = "0190a0a0-0000-7000-8000-000000000001"
REVIEW = "0190a0a0-0000-7000-8000-000000000002"

ITEM: dict[str, Any] = {
    "project": "default",
    "name": "helpful",
    "version": "0123456789abcdef",
    "model": "mock/large",
    "scale": "yes_no",
    "versions": 2,
    "waiting": 12,
    "done": 110,
    "made_at": "2026-11-01T08:00:00.000Z",
}
KAPPA: dict[str, Any] = {
    "name": "kappa",
    "scope": "agreement",
    "sentence": "it agrees with people beyond chance (0 is chance, 1 is always).",
    "estimate": 0.61,
    "low": 0.47,
    "high": 0.75,
    "n": 110,
}
SCORE: dict[str, Any] = {
    **KAPPA,
    "name": "corrected score",
    "scope": "score",
    "sentence": "62% (55% to 69%) of the answers are good, corrected for the judge's errors.",
    "estimate": 0.62,
    "low": 0.55,
    "high": 0.69,
}
BIAS: dict[str, Any] = {
    **KAPPA,
    "name": "position bias",
    "scope": "bias",
    "estimate": None,
    "low": None,
    "high": None,
    "n": 0,
    "sentence": "can't be told: answers are shown alone, so none is shown first",
}
JUDGE: dict[str, Any] = {
    **{name: ITEM[name] for name in ("project", "name", "version", "model", "scale", "made_at")},
    "question": "fedcba9876543210",
    "rubric": "Does the answer help?",
    "prompt": "",
    "review": {},
    "made_by": "k1",
}
SHOWN: dict[str, Any] = {
    "judge": JUDGE,
    "versions": [ITEM["version"]],
    "waiting": 12,
    "done": 110,
    "report": {
        "sentence": "It agrees with people beyond chance. 62% (55% to 69%) of the answers are good.",
        "counts": {"judged": 900, "marked": 110, "sampled": 104},
        "findings": [SCORE, KAPPA, BIAS],
        "notes": ["3 of 903 answers got no verdict from the judge and count nowhere"],
    },
}
REVIEWED: dict[str, Any] = {
    "id": REVIEW,
    "judge": "helpful",
    "subject": "request",
    "request_id": REQUEST,
    "trace_id": None,
    "span_id": None,
    "case": None,
    "wanted": 1,
    "marked": 0,
    "mine": False,
    "chosen_at": "2026-11-02T08:00:00.000Z",
}
NEXT: dict[str, Any] = {
    "item": REVIEWED,
    "rubric": JUDGE["rubric"],
    "scale": "yes_no",
    "write": "yes or no",
    "content": {"input": "How far is it?", "output": "Two miles."},
    "shown": "",
    "missing": "",
}
MARK: dict[str, Any] = {"version": "", "repeat": 0, "shown": "", "at": ITEM["made_at"]}
MARKED: dict[str, Any] = {
    "item": {**REVIEWED, "marked": 1, "mine": True},
    "chosen": "random",
    "sampled": True,
    "marks": [
        {**MARK, "source": "judge", "by": "helpful", "value": False, "comment": "it is vague"},
        {**MARK, "source": "person", "by": "anna", "value": True, "comment": ""},
    ],
}

COMMANDS = {
    "judges-list": "judges list",
    "judges-define": "judges define helpful.toml",
    "judges-define-unreadable": "judges define nothing.toml",
    "judges-show": "judges show helpful",
    "judges-show-json": "judges show helpful --json",
    "judges-check": "judges check helpful",
    "judges-check-fails": "judges check helpful --least 0.5",
    "reviews-list": "reviews list --judge helpful",
    "reviews-add": f"reviews add {REQUEST} --judge helpful",
    "reviews-next": "reviews next --judge helpful --by anna",
    "reviews-mark": f"reviews mark {REVIEW} yes --by anna",
    "reviews-mark-unknown": "reviews mark nothing 3",
    "reviews-export": "reviews export --judge helpful",
}
KEPT = KeptOutput("snapshots_judges", COMMANDS)


@pytest.fixture(autouse=True)
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    scripted = ScriptedApi()
    scripted.items("/api/v1/judges", ITEM)
    scripted.on("POST", "/api/v1/judges", JUDGE, 201)
    scripted.on("GET", "/api/v1/judges/helpful", SHOWN)
    scripted.items("/api/v1/reviews", REVIEWED)
    scripted.on("POST", "/api/v1/reviews", {"ids": [REVIEW], "chosen": 1}, 201)
    scripted.on("GET", "/api/v1/reviews/next", {"review": NEXT})
    scripted.on("POST", f"/api/v1/reviews/{REVIEW}/marks", MARKED, 201)
    scripted.items("/api/v1/reviews/export", {**MARKED, "content": NEXT["content"]})
    (tmp_path / "helpful.toml").write_text('name = "helpful"\nmodel = "mock/large"\nrubric = "So?"\n')
    with serving(scripted):
        surround(monkeypatch, scripted, tmp_path)
        yield scripted


@pytest.mark.parametrize("name", COMMANDS)
def test_output_of_judges_and_reviews_is_as_kept(
    name: str, api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    KEPT.check(name, api, capsys)


def test_no_snapshot_of_judges_and_reviews_is_left_over() -> None:
    KEPT.assert_none_is_left_over()


def test_a_mark_is_sent_as_its_scale_wants_it(api: ScriptedApi) -> None:
    for word, value in (("no", False), ("YES", True), ("3", 3), ("tie", "tie"), ("b", "b")):
        assert main(["reviews", "mark", REVIEW, word]) == 0
        assert api.asked[-1][3] == {"value": value, "comment": ""}
