"""The output and the errors of `headgate drift`, `outdated` and `grounding`, as kept in snapshots_drift.

What the server says is made of the server's own types. `HEADGATE_UPDATE_SNAPSHOTS=1` writes the snapshots
again; then read the difference."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.cli.kept_output import KeptOutput
from tests.cli.scripted_api import ScriptedApi, serving, surround

from headgate.cli.app import main
from headgate.drift.findings import Change, Figure, Touched
from headgate.drift.outdated import Outdated, Withdrawn
from headgate.drift.traffic_views import Served, TrafficWatch, WatchedSignal
from headgate.drift.views import AlarmView, CanaryDetail, CaseView, RunView, TargetView
from headgate.grounding.model import Claim, Evidence, Grounds, Piece

REQUEST = "0190a0a0-0000-7000-8000-000000000001"
RUN = "0190a0a0-0000-7000-8000-000000000002"

ALARM = AlarmView(
    id="7",
    at="2026-11-20T08:00:00.000Z",
    kind="canary",
    watch="sums at openai/gpt-5-mini",
    target="openai/gpt-5-mini",
    project=None,
    since="2026-11-18T08:00:00.000Z",
    sentence="openai/gpt-5-mini answers fewer of sums right since 2026-11-18: 71 % after 96 %.",
    changes=(
        Change(
            signal="score",
            side="down",
            before=Figure(mean=0.96, low=0.93, high=0.98),
            after=Figure(mean=0.71, low=0.6, high=0.8),
        ),
    ),
    how_sure="evidence as strong comes about by chance once in 40 years",
    once_in_years=40.0,
    by_hand=("the temperature of assistant",),
    touches=(Touched(project="default", model="assistant", prompt="app.py:SYSTEM", release="r1", calls=120),),
    acknowledged_at=None,
    acknowledged_by=None,
    note="",
)
DONE = msgspec.structs.replace(
    ALARM, id="6", acknowledged_at="2026-11-19T08:00:00.000Z", acknowledged_by="k1", note="as announced"
)
TARGET = TargetView(
    target="openai/gpt-5-mini",
    phase="alarmed",
    answers=240,
    reference_answers=200,
    evidence=9123.5,
    alarm_at=8760.0,
    signals=("score", "length"),
    since="2026-10-01T08:00:00.000Z",
    note="",
    last_run="2026-11-20T08:00:00.000Z",
    last_state="done",
)
CANARY = CanaryDetail(
    name="sums",
    version="0123456789ab",
    dataset=None,
    cases=20,
    cases_a_run=20,
    every_s=86400.0,
    project="default",
    targets=(TARGET, msgspec.structs.replace(TARGET, target="mock/small", phase="reference", answers=20)),
    results=[
        CaseView(
            target="openai/gpt-5-mini",
            case="one",
            answers=12,
            score=0.75,
            new_answers=0.25,
            characters=41.5,
            last_text="It is\n two, and here is a long explanation of why.",
            last_at="2026-11-20T08:00:00.000Z",
        )
    ],
    runs=[
        RunView(
            id=RUN,
            target="openai/gpt-5-mini",
            state="done",
            asked_by="k1",
            due_at="2026-11-20T08:00:00.000Z",
            started_at="2026-11-20T08:00:01.000Z",
            ended_at="2026-11-20T08:00:09.000Z",
            answers=20,
            failed=0,
            cost_usd="0.0021",
            note="",
        )
    ],
)
WATCH = TrafficWatch(
    id="3",
    target="openai/gpt-5-mini",
    project="default",
    model="assistant",
    prompt="app.py:SYSTEM@0123",
    release="r1",
    phase="watching",
    hours=400,
    reference_hours=168,
    evidence=2.5,
    alarm_at=8760.0,
    since="2026-11-01T08:00:00.000Z",
    last_hour="2026-11-20T08:00:00.000Z",
    last_calls=12,
    calls=4100,
    note="",
    signals=(
        WatchedSignal(
            signal="refused",
            words="refusals",
            is_share=True,
            latest=0.02,
            usual_low=0.01,
            usual_high=0.04,
            evidence_up=2.5,
            evidence_down=None,
        ),
    ),
)
SERVED = Served(
    target="openai/gpt-5-mini",
    fact="model",
    value="gpt-5-mini-2026-10-01",
    first_at="2026-10-02T08:00:00.000Z",
    last_at="2026-11-20T08:00:00.000Z",
    calls=4100,
)
ENDS = Outdated(
    target="azure/gpt-4",
    state="retiring",
    on="2026-12-01",
    days_left=9,
    instead="gpt-5",
    own_platform=False,
    source="https://example.com/retirements",
    aliases=("assistant", "cheap", "helper", "other"),
    prompts=("app.py:SYSTEM",),
    projects=("default",),
    calls=42,
    cost_usd="1.25",
)
WITHDRAWN = Withdrawn(target="shop/house", on="2027-03-01", instead="")
GROUNDS = Grounds(
    request_id=REQUEST,
    dialect="openai-chat",
    question="When may I return shoes?",
    answer="Within 45 days, says Anna Meyer.",
    pieces=(
        Piece(
            id="p1",
            kind="document",
            name="returns.md",
            part="/messages/0/content",
            start=0,
            end=41,
            whole=True,
            text="Shoes can be returned\nwithin 30 days of sale.",
        ),
    ),
    claims=(
        Claim(
            text="Within 45 days, says Anna Meyer.",
            checkable=True,
            missing=(Evidence(kind="number", text="45"), Evidence(kind="name", text="Anna Meyer")),
        ),
    ),
    sentence="1 of 1 claims says what stands nowhere in the context.",
)

COMMANDS = {
    "list": "drift list",
    "list-json": "drift list --json",
    "list-none": "drift list --open",
    "show": "drift show 7",
    "show-unknown": "drift show 9",
    "acknowledge": "drift acknowledge 7 --note 'as announced'",
    "canaries": "drift canaries",
    "canary": "drift canaries sums",
    "canary-unknown": "drift canaries nothing",
    "run": "drift run sums",
    "traffic": "drift traffic",
    "traffic-one": "drift traffic 3",
    "served": "drift served",
    "outdated": "outdated",
    "outdated-json": "outdated --json",
    "outdated-fails": "outdated --fail-within 30d",
    "outdated-half": "outdated --upgrade azure/gpt-4",
    "outdated-days": "outdated --fail-within soon",
    "outdated-code": "outdated --code nowhere",
    "grounding": f"grounding show {REQUEST}",
    "grounding-check": f"grounding check {REQUEST}",
    "grounding-check-json": f"grounding check {REQUEST} --json",
    "grounding-unknown": "grounding show nothing",
    "grounding-budget": f"grounding check {REQUEST} --judge small --budget much",
}
KEPT = KeptOutput("snapshots_drift", COMMANDS)


def plain(value: object) -> Any:
    return msgspec.to_builtins(value)


@pytest.fixture(autouse=True)
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    scripted = ScriptedApi()
    scripted.items("/api/v1/drift/alarms", plain(ALARM), plain(DONE))
    scripted.on("GET", "/api/v1/drift/alarms/7", plain(ALARM))
    scripted.on("POST", "/api/v1/drift/alarms/7/acknowledge", plain(DONE))
    scripted.items("/api/v1/drift/canaries", plain(CANARY))
    scripted.on("GET", "/api/v1/drift/canaries/sums", plain(CANARY))
    scripted.on("POST", "/api/v1/drift/canaries/sums/run", {"runs": [RUN]})
    scripted.items("/api/v1/drift/traffic", plain(WATCH))
    scripted.on("GET", "/api/v1/drift/traffic/3", plain(WATCH))
    scripted.items("/api/v1/drift/traffic/served", plain(SERVED))
    scripted.items("/api/v1/drift/outdated", plain(ENDS))
    scripted.items("/api/v1/drift/withdrawn", plain(WITHDRAWN))
    scripted.on("GET", f"/api/v1/requests/{REQUEST}/grounding", plain(GROUNDS))
    scripted.on("POST", "/api/v1/feedback", {"id": "content-1"}, 202)
    with serving(scripted):
        surround(monkeypatch, scripted, tmp_path)
        yield scripted


@pytest.mark.parametrize("name", COMMANDS)
def test_output_of_drift_and_grounding_is_as_kept(
    name: str, api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "list-none":
        api.items("/api/v1/drift/alarms")
    KEPT.check(name, api, capsys)


@pytest.mark.parametrize(
    ("unpriced", "says"),
    [
        (0, "they would have cost 0.50 USD (0.40 to 0.60)"),
        (3, "they would have cost what is not known: no price is known of 3 of them, now or with shop/new; "),
    ],
)
def test_an_upgrade_of_which_nothing_is_known_says_so_and_has_status_2(
    unpriced: int, says: str, api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    would = {"value_usd": "0.50", "low_usd": "0.40", "high_usd": "0.60"}
    scenario = {"calls": 8, "actual_usd": "1.00", "unpriced_calls": unpriced, "would_usd": would}
    api.on("POST", "/api/v1/whatif", scenario)
    api.items("/api/v1/requests")
    assert main(["outdated", "--upgrade", "shop/old", "--to", "shop/new", "--days", "90"]) == 2
    (asked,) = [body for _, path, _, body in api.asked if path == "/api/v1/whatif"]
    assert timedelta(days=89) < datetime.now(UTC) - datetime.fromisoformat(asked["from"]) < timedelta(days=91)
    shown = capsys.readouterr().out
    assert f"8 calls of the last 90 days cost 1.00 USD; with shop/new {says}" in shown
    assert "It is not known whether shop/new can take the place of shop/old" in shown


def test_code_is_searched_for_models_that_the_configuration_says_end(
    api: ScriptedApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names that are written like no model of any provider, bare and with their provider."""
    (tmp_path / "app.py").write_text('ask(model="shop/house")\nask(model="house")\nask(model="shop/other")\n')
    assert main(["outdated", "--code", str(tmp_path), "--json"]) == 0
    named = msgspec.json.decode(capsys.readouterr().out)["code"]
    assert [(each["line"], each["model"], each["until"]) for each in named] == [
        (1, "shop/house", "2027-03-01"),
        (2, "house", "2027-03-01"),
    ]


def test_no_snapshot_of_drift_and_grounding_is_left_over() -> None:
    KEPT.assert_none_is_left_over()
