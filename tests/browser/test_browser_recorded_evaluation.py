"""Pages of evaluation over recorded answers of providers: numbers are the API's and the records'."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import NARROW, Looker, Opener
from tests.browser.console_house import House
from tests.browser.house_evaluation import until
from tests.browser.recorded_evaluation import (
    LEFT,
    MARKED,
    Evaluated,
    is_short,
    recorded_evaluation,
)
from tests.browser.shown_numbers import arms_as_reported, counted, metrics_as_reported, number_of, unlinked

PAGES = {
    "experiments": ("/experiments", "What is known"),
    "experiment": ("/experiments/models", "Watched to the end"),
    "planning": ("/planning", "Say how long it takes"),
    "reviews": ("/reviews", "Wait for people"),
    "judge": ("/reviews/short", "What this rests on"),
    "judge-marked": ("/reviews/short?tab=marked", "Why it was chosen"),
    "judge-waiting": ("/reviews/short?tab=waiting", "Mark this one"),
    "review": ("/reviews/short/mark", "What is asked"),
    "checks": ("/checks", "recorded"),
    "check-run": ("/checks/{one}", "its call"),
    "check-runs-compared": ("/checks/{one}/against/{other}", "Pairs of the same cases"),
    "datasets": ("/datasets", "recorded"),
    "dataset": ("/datasets/recorded?case=case-1", "Came from"),
    "dataset-of-calls": ("/datasets/asked", "a call"),
    "drift": ("/drift", "claim by claim"),
    "drift-alarm": ("/drift/alarms/{alarm}", "What it touches"),
    "drift-served": ("/drift/alarms/{served}", "What it touches"),
    "drift-canary": ("/drift/canaries/daily", "A point is a run"),
    "drift-watch": ("/drift/traffic/{watch}", "Its last thirty days"),
    "rollouts": ("/rollouts", "What is known"),
    "rollout": ("/rollouts/other", "What is meant"),
}


@pytest.fixture(scope="module")
def evaluated(chromium_path: str) -> Iterator[Evaluated]:
    del chromium_path
    with recorded_evaluation() as opened:
        yield opened


@pytest.fixture(scope="module")
def house(evaluated: Evaluated) -> House:
    return evaluated.house


@pytest.fixture(scope="module")
def ids(evaluated: Evaluated) -> dict[str, str]:
    """What pages are about that has no name of its own."""
    running = evaluated.house.running
    runs = {each["target"]: each["id"] for each in running.get("/checks/runs")["items"]}
    alarms = {each["kind"]: str(each["id"]) for each in running.get("/drift/alarms")["items"]}
    (watch,) = running.get("/drift/traffic", target=f"first/{evaluated.one[0].model}")["items"]
    return {**runs, "alarm": alarms["canary"], "served": alarms["served"], "watch": watch["id"]}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_evaluation_bears_recorded_answers(looking: Opener, ids: dict[str, str], name: str) -> None:
    path, expected = PAGES[name]
    looker = looking(dark=len(name) % 2 == 0)
    page = looker.settled(path.format(**ids), expected)
    expect(page.locator(".hg-failed")).to_have_count(0)
    looker.shoot(f"recorded-{name}")
    assert looker.violations() == []
    assert unlinked(page) == []
    page.set_viewport_size({"width": NARROW, "height": 768})
    assert looker.beyond() == []
    looker.check()


def test_every_answer_is_one_that_was_recorded(evaluated: Evaluated) -> None:
    known = {(each.text, each.tokens) for each in (*evaluated.one, *evaluated.other)}
    assert {(each.text, each.tokens) for each in evaluated.calls} <= known
    usage = {each["id"]: each["usage"] for each in evaluated.house.running.requests()}
    for each in evaluated.calls:
        told = usage[each.request]
        assert told["output"] + told["reasoning"] == each.tokens


def test_an_experiment_says_what_its_arms_answered(evaluated: Evaluated, looking: Opener) -> None:
    report: Any = evaluated.house.running.get("/experiments/models")["report"]
    looker = looking()
    page = looker.settled("/experiments/models", "Watched to the end")
    page.get_by_text(report["sentence"]).first.wait_for()
    _compared(evaluated, looker, report, "answers")


def test_a_rollout_says_what_its_arms_answered(evaluated: Evaluated, looking: Opener) -> None:
    shown: Any = evaluated.house.running.get("/rollouts/other")
    looker = looking()
    page = looker.settled("/rollouts/other", "What is meant")
    page.get_by_text(shown["rollout"]["sentence"]).first.wait_for()
    _compared(evaluated, looker, shown["report"], "served")


def _compared(evaluated: Evaluated, looker: Looker, report: Any, alias: str) -> None:
    """Arms and metrics are as reported, and as what users of each arm were answered and charged."""
    rows = arms_as_reported(looker.page, report)
    metrics_as_reported(looker.page, report)
    metrics = {each["name"]: each for each in report["metrics"]}
    users = {each.user: 0.0 for each in evaluated.calls if each.alias == alias}
    assert sum(arm["units"] for arm in report["arms"]) == len(users)
    for place, arm in enumerate(report["arms"], 1):
        served = evaluated.house.running.requests(experiment=report["version"], arm=arm["name"])
        assert arm["calls"] == len(served)
        ids = {each["id"] for each in served}
        tokens: defaultdict[str, float] = defaultdict(float)
        for each in evaluated.calls:
            if each.request in ids:
                tokens[each.user] += each.tokens
        assert arm["units"] == arm["complete"] == len(tokens)
        assert _mean(metrics["written"], arm["name"]) == pytest.approx(sum(tokens.values()) / len(tokens))
        if "cost" in metrics:
            cost = sum(float(each["cost_usd"]) for each in served)
            assert _mean(metrics["cost"], arm["name"]) == pytest.approx(cost / len(tokens))
        link = rows.nth(place).get_by_role("link", name=f"{arm['calls']:,}", exact=True).last
        assert counted(evaluated.house, link.get_attribute("href") or "") == arm["calls"]
    looker.check()


def _mean(metric: Any, arm: str) -> float:
    (one,) = metric["comparisons"]
    return one["mean"] if one["arm"] == arm else one["baseline"]


def test_a_check_marks_what_was_recorded(evaluated: Evaluated, looking: Opener, ids: dict[str, str]) -> None:
    running = evaluated.house.running
    texts = {f"case-{place}": each.text for place, each in enumerate(evaluated.one)}
    known = {"one": {each.text for each in evaluated.one}, "other": {each.text for each in evaluated.other}}
    looker = looking()
    for target in ("one", "other"):
        results = running.get(f"/checks/runs/{ids[target]}/results", limit=500)["items"]
        assert results
        page = looker.settled(f"/checks/{ids[target]}", "its call")
        rows = page.get_by_role("table", name="results").get_by_role("row")
        expect(rows).to_have_count(len(results) + 1)
        for each in results:
            answered = _answer_of(evaluated.house, each["request_id"])
            assert answered in known[target]
            wanted = {"same": answered == texts[each["case"]], "short": len(answered) <= 300}
            assert {name: mark["score"] for name, mark in each["marks"].items()} == wanted
            row = rows.filter(has=page.get_by_role("rowheader", name=each["case"], exact=True))
            cells = row.get_by_role("cell").all_inner_texts()
            assert [text.split("\n")[0] for text in cells[2:4]] == [
                "right" if is_right else "wrong" for is_right in wanted.values()
            ]
        assert (target == "one") == all(each["marks"]["same"]["score"] == 1 for each in results)
        counts = page.locator(".hg-said-first").get_by_role("link", name="calls")
        assert counted(evaluated.house, counts.get_attribute("href") or "") == len(results)
    looker.check()


def _answer_of(house: House, request: str) -> str:
    """The text of an answer as it is on record."""
    return house.running.get(f"/requests/{request}")["response"]["choices"][0]["message"]["content"]


def test_a_judge_agrees_with_people_as_often_as_it_was_right(evaluated: Evaluated, looking: Opener) -> None:
    shown: Any = evaluated.house.running.get("/judges/short")
    marked = {
        each["item"]["request_id"]: {mark["source"]: mark["value"] for mark in each["marks"]}
        for each in evaluated.house.running.get("/reviews/export", judge="short", limit=500)["items"]
    }
    assert len(marked) == shown["done"] == MARKED - LEFT
    assert shown["waiting"] == LEFT
    said = {each.request: is_short(each) for each in evaluated.calls}
    assert all(marks["person"] == said[request] for request, marks in marked.items())
    agreed = sum(len(set(marks.values())) == 1 for marks in marked.values()) / len(marked)
    assert agreed < 1
    looker = looking()
    page = looker.settled("/reviews/short", "What this rests on")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="agreement", exact=True))
    assert number_of(row.get_by_role("cell").nth(1).inner_text()) == pytest.approx(100 * agreed, abs=0.51)
    looker.check()


def test_what_canaries_heard_is_what_was_recorded(evaluated: Evaluated, looking: Opener) -> None:
    canary: Any = evaluated.house.running.get("/drift/canaries/daily")
    (target,) = canary["targets"]
    looker = looking()
    page = looker.settled("/drift/canaries/daily", "A point is a run")
    rows = page.get_by_role("table", name=f"cases of {target['target']}").get_by_role("row")
    expect(rows).to_have_count(1 + len(canary["results"]))
    texts = tuple(each.text for each in (*evaluated.one, *evaluated.other))
    for each in canary["results"]:
        assert any(text.startswith(each["last_text"]) for text in texts)
        row = rows.filter(has=page.get_by_role("rowheader", name=each["case"], exact=True))
        cells = row.get_by_role("cell").all_inner_texts()
        assert cells[0] == f"{each['answers']:,}"
        assert number_of(cells[1]) == pytest.approx(100 * each["score"], abs=0.51)
        assert number_of(cells[3]) == pytest.approx(each["characters"], abs=0.51)
    heard = evaluated.house.running.requests(tag="canary:daily")
    answered = sum(run["answers"] + run["failed"] for run in canary["runs"])
    assert answered == len(heard)
    looker.check()


def test_who_served_is_who_signed_the_recorded_answers(evaluated: Evaluated, looking: Opener) -> None:
    signed: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in evaluated.house.running.get("/drift/traffic/served")["items"]:
        if each["fact"] == "model":
            signed[each["target"]][each["value"]] = each["calls"]
    assert {name.partition("/")[0] for name in signed} == {"first", "second", "moving"}
    for provider, models in {
        "first": (evaluated.one,),
        "second": (evaluated.other,),
        "moving": (evaluated.one, evaluated.other),
    }.items():
        (target,) = [name for name in signed if name.startswith(f"{provider}/")]
        assert set(signed[target]) == {each.served for answers in models for each in answers}
    looker = looking()
    page = looker.settled("/drift?live=off", "claim by claim")
    rows = page.get_by_role("table", name="who served").get_by_role("row")
    for target, models in signed.items():
        for model, calls in models.items():
            row = rows.filter(has_text=target).filter(has=page.get_by_text(model, exact=True))
            expect(row.get_by_role("link")).to_have_text(f"{calls:,}")
    alarms: Any = evaluated.house.running.get("/drift/alarms")["items"]
    shown = page.get_by_role("table", name="alarms").get_by_role("row")
    expect(shown).to_have_count(1 + len(alarms))
    for place, alarm in enumerate(alarms, 1):
        expect(shown.nth(place)).to_contain_text(alarm["sentence"])
    looker.check()


def test_a_watch_says_how_long_recorded_answers_are(
    evaluated: Evaluated, looking: Opener, ids: dict[str, str]
) -> None:
    found: Any = evaluated.house.running.get(f"/drift/traffic/{ids['watch']}")
    calls = [each for each in evaluated.calls if each.alias == "one"]
    hours: defaultdict[str, list[int]] = defaultdict(list)
    for each in calls:
        hours[each.user].append(each.tokens)
    (line,) = [each for each in found["lines"] if each["signal"] == "tokens"]
    assert line["values"] == pytest.approx([sum(each) / len(each) for each in hours.values()])
    assert found["calls"] == len(calls)
    looker = looking()
    page = looker.settled(f"/drift/traffic/{ids['watch']}", "Its last thirty days")
    row = page.get_by_role("table", name="signals").get_by_role("row").filter(has_text="tokens an answer")
    shown = number_of(row.get_by_role("cell").nth(0).inner_text())
    assert shown == pytest.approx(line["values"][-1], rel=6e-3)
    looker.check()


def test_a_rule_of_groundedness_says_what_it_held(evaluated: Evaluated, looking: Opener) -> None:
    def held() -> Any:
        (rule,) = evaluated.house.running.get("/grounding/rules")["items"]
        return rule

    until(lambda: held()["waiting"] == 0)
    rule = held()
    scores = evaluated.house.running.get("/feedback", name="groundedness", limit=500)["items"]
    assert rule["held"] > 0
    assert rule["scored"] == len(scores)
    looker = looking()
    page = looker.settled("/drift?live=off", "claim by claim")
    row = page.get_by_role("table", name="rules of groundedness").get_by_role("row").nth(1)
    cells = row.get_by_role("cell").all_inner_texts()
    assert cells[3:5] == [f"{rule[name]:,}" for name in ("held", "scored")]
    assert cells[6] == f"{rule['with_unsupported']:,}"
    looker.check()


def test_datasets_hold_what_was_recorded(evaluated: Evaluated, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/datasets", "recorded")
    for name in ("recorded", "asked"):
        cases = evaluated.house.running.get(f"/datasets/{name}/cases", limit=500)["items"]
        row = page.get_by_role("table", name="datasets").get_by_role("row").filter(has_text=name)
        expect(row.get_by_role("link").last).to_have_text(f"{len(cases):,}")
    page = looker.settled("/datasets/recorded?case=case-1", "Came from")
    shown = page.get_by_role("article", name="case case-1")
    expect(shown.get_by_label("expected")).to_have_text(evaluated.one[1].text, use_inner_text=True)
    looker.check()
