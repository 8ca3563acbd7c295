"""Judges and reviews over the API: marks of a judge, what people mark, and what comes of both."""

import random
import uuid
from typing import Any

import msgspec
from tests.contract.made_entries import envelope, make_body
from tests.flow.control_app import Api, control, make_key
from tests.flow.test_api_erasures import erased
from tests.flow.test_api_requests import ended, record

from headgate.judges.retention import expire_marks
from headgate.records.bodies import BodySink
from headgate.store.database import Database

HELPFUL: dict[str, Any] = {"name": "helpful", "model": "mock/large", "rubric": "Does the answer help?"}


def case(name: str, said: Any, **more: Any) -> dict[str, Any]:
    content = {"input": "How far is it?", "output": f"It is far: {name}.", "model": "mock/small"}
    return {"case": name, "content": content, "marks": [{"value": said, **more}]}


async def judged(api: Api, *items: dict[str, Any], judge: str = "helpful", status: int = 201) -> Any:
    return await api.post(f"/judges/{judge}/marks", {"items": list(items)}, status)


async def following(api: Api, by: str = "anna", judge: str = "helpful") -> Any:
    return (await api.get("/reviews/next", judge=judge, by=by))["review"]


async def test_a_judge_is_corrected_by_what_people_mark_of_a_random_sample(database: Database) -> None:
    rng = random.Random(3)
    truth = {f"case-{number}": rng.random() < 0.6 for number in range(400)}
    said = {name: rng.random() < (0.95 if good else 0.3) for name, good in truth.items()}
    async with control(database) as api:
        judge = {**HELPFUL, "review": {"random": 0.3}}
        await api.post("/judges", judge)
        names = list(truth)
        chosen = 0
        for start in (0, 200):
            items = [case(name, said[name]) for name in names[start : start + 200]]
            chosen += (await judged(api, *items))["chosen"]
        assert 80 < chosen < 160
        before = await api.get("/judges/helpful")
        assert before["waiting"] == chosen
        [score] = [each for each in before["report"]["findings"] if each["name"] == "corrected score"]
        assert score["estimate"] is None
        assert "0 answers are marked by people and by the judge; 30 are the least" in score["sentence"]
        assert before["report"]["sentence"].startswith("The judge has marked 400 answers;")
        while (review := await following(api)) is not None:
            name = review["item"]["case"]
            assert review["content"]["output"] == f"It is far: {name}."
            await api.post(f"/reviews/{review['item']['id']}/marks", {"value": truth[name], "by": "anna"})
        shown = await api.get("/judges/helpful")
        [listed] = (await api.get("/judges"))["items"]
    assert (listed["waiting"], listed["done"], listed["versions"]) == (0, chosen, 1)
    report = shown["report"]
    found = {each["name"]: each for each in report["findings"]}
    assert report["counts"]["sampled"] == chosen
    true = sum(truth.values()) / len(truth)
    for name in ("corrected score", "corrected by its errors"):
        assert found[name]["low"] <= true <= found[name]["high"], name
    assert found["score"]["estimate"] == sum(said.values()) / len(said)
    assert found["kappa"]["low"] > 0.3
    assert found["sensitivity"]["low"] <= 0.95 <= found["sensitivity"]["high"]
    assert found["specificity"]["low"] <= 0.7 <= found["specificity"]["high"]
    assert "corrected for the judge's errors" in report["sentence"]


async def test_the_judges_mark_shows_only_to_who_has_marked(database: Database) -> None:
    async with control(database) as api:
        await api.post("/judges", {**HELPFUL, "review": {"random": 1, "people": 2}})
        await judged(api, case("one", False, reason="SECRET-REASON"))
        review = await following(api)
        identity = review["item"]["id"]
        seen = [review, await api.get(f"/reviews/{identity}"), await api.get("/reviews", judge="helpful")]
        for each in seen:
            assert "SECRET-REASON" not in str(each) and "chosen'" not in str(each)
            assert "mock/small" not in str(each), "who answered would tell more than the answer"
        marked = await api.post(f"/reviews/{identity}/marks", {"value": True, "by": "anna", "comment": "why"})
        assert marked["chosen"] == "random"
        assert [(mark["source"], mark["value"]) for mark in marked["marks"]] == [
            ("judge", False),
            ("person", True),
        ]
        again = await api.post(f"/reviews/{identity}/marks", {"value": True, "by": "anna"})
        assert len(again["marks"]) == 2
        refused = await api.post(f"/reviews/{identity}/marks", {"value": False, "by": "anna"}, 409)
        assert "a mark stays as it is" in refused["error"]["message"]
        assert await following(api) is None
        other = await following(api, "ben")
        assert other["item"]["id"] == identity and not other["item"]["mine"]
        await api.post(f"/reviews/{identity}/marks", {"value": False, "by": "ben"})
        refused = await api.post(f"/reviews/{identity}/marks", {"value": False, "by": "carl"}, 409)
        assert "2 of 2 people have marked this answer" in refused["error"]["message"]
        exported = (await api.get("/reviews/export", judge="helpful"))["items"]
        assert [len(each["marks"]) for each in exported] == [3]
        assert exported[0]["content"]["output"] == "It is far: one."
        audit = (await api.get("/audit"))["items"]
        assert [row["action"] for row in audit if row["kind"] == "review"] == ["mark"] * 3


async def test_a_pair_is_shown_by_chance_and_judged_in_both_orders(database: Database) -> None:
    content = {"input": "Which?", "a": "short", "b": "much longer", "model_a": "m", "model_b": "n"}
    marks = [{"value": "a", "shown": "ab"}, {"value": "b", "shown": "ba"}]
    items = [{"case": f"pair-{number}", "content": content, "marks": marks} for number in range(40)]
    async with control(database) as api:
        await api.post("/judges", {**HELPFUL, "scale": "pairwise", "review": {"random": 1}})
        await judged(api, *items)
        orders: list[str] = []
        while (review := await following(api)) is not None:
            orders.append(review["shown"])
            await api.post(f"/reviews/{review['item']['id']}/marks", {"value": "b", "by": "anna"})
        report = (await api.get("/judges/helpful"))["report"]
        await judged(api, {**items[0], "marks": [{"value": "a"}]}, status=400)
    assert set(orders) == {"ab", "ba"}
    found = {each["name"]: each for each in report["findings"]}
    assert found["position bias"]["estimate"] == 1
    assert found["position bias"]["sentence"].startswith("it prefers what is shown first, by +100 points")
    assert found["length bias"]["estimate"] == -1
    assert "mock/large" in found["self-preference"]["sentence"]


async def test_a_judge_named_by_an_alias_knows_its_own_answers(database: Database) -> None:
    """An alias stands for its targets, which are what records of answers name."""
    items: list[dict[str, Any]] = []
    for number in range(60):
        content = {"input": "Which?", "a": "one", "b": "two", "model_a": "other/one", "model_b": "mock/large"}
        marks = [{"value": "b", "shown": "ab"}]
        items.append({"case": f"pair-{number}", "content": content, "marks": marks})
    async with control(database) as api:
        judge = {**HELPFUL, "model": "assistant", "scale": "pairwise", "review": {"random": 1}}
        await api.post("/judges", judge)
        await judged(api, *items)
        while (review := await following(api)) is not None:
            value = "a" if int(review["item"]["case"][5:]) % 2 else "b"
            await api.post(f"/reviews/{review['item']['id']}/marks", {"value": value, "by": "anna"})
        report = (await api.get("/judges/helpful"))["report"]
    [found] = [each for each in report["findings"] if each["name"] == "self-preference"]
    assert found["estimate"] == 0.5
    assert found["sentence"].startswith("it favours its own answers more than people do")


async def test_a_judge_of_pairs_takes_no_single_answer_and_the_reverse(database: Database) -> None:
    rules = {"feedback": "thumbs", "thumbs_down": True}
    pair = {"case": "two", "content": {"input": "Which?", "a": "short", "b": "long"}}
    half = {"case": "half", "content": {"input": "Which?", "a": "short"}}
    async with control(database) as api:
        [call] = await record(database, ended())
        await api.post("/judges", {**HELPFUL, "name": "duel", "scale": "pairwise", "review": rules})
        await api.post("/judges", HELPFUL)
        for single in ({"request_id": call}, half, {"case": "one", "content": {"output": "It is far."}}):
            refused = await api.post("/reviews", {"judge": "duel", "items": [pair, single]}, 400)
            assert "'duel' compares pairs" in refused["error"]["message"]
            assert "send a case with both answers as `a` and `b`" in refused["error"]["message"]
            said = {**single, "marks": [{"value": "a", "shown": "ab"}]}
            await judged(api, said, judge="duel", status=400)
        refused = await api.post("/reviews", {"judge": "helpful", "items": [pair]}, 400)
        assert "'helpful' marks single answers, and the case 'two' is a pair" in refused["error"]["message"]
        await api.post("/feedback", {"request_id": call, "name": "thumbs", "value": False}, 202)
        assert await following(api, judge="duel") is None, "nothing was kept, and a disliked call is no pair"
        await api.post("/reviews", {"judge": "duel", "items": [pair]})
        review = await following(api, judge="duel")
    assert (review["content"]["a"], review["content"]["b"]) == ("short", "long")


async def test_what_users_say_puts_calls_into_the_queue(database: Database) -> None:
    rules = {"feedback": "thumbs", "disagreement": True, "thumbs_down": True, "uncertain": 0.6}
    async with control(database) as api:
        good, bad, unsure, liked = await record(database, *(ended(user=f"u{n}") for n in range(4)))
        await api.post("/judges", {**HELPFUL, "review": rules})
        for request, value in ((bad, False), (liked, True), (str(uuid.uuid4()), False)):
            await api.post("/feedback", {"request_id": request, "name": "thumbs", "value": value}, 202)
        sure = {"value": False, "sure": 0.9}
        await judged(
            api,
            {"request_id": unsure, "marks": [{"value": True, "sure": 0.5}]},
            {"request_id": good, "marks": [{"value": True, "sure": 0.9}]},
            {"request_id": liked, "marks": [sure]},
        )
        waits = {each["request_id"] for each in (await api.get("/reviews", judge="helpful"))["items"]}
        assert waits == {bad, unsure, liked}
        added = await api.post("/reviews", {"judge": "helpful", "items": [{"request_id": good}]})
        assert (added["chosen"], len(added["ids"])) == (1, 1)
        again = await api.post("/reviews", {"judge": "helpful", "items": [{"request_id": good}]})
        assert again == {**added, "chosen": 0}
        missing = {"judge": "helpful", "items": [{"request_id": str(uuid.uuid4())}]}
        refused = await api.post("/reviews", missing, 404)
        assert "is on record" in refused["error"]["message"]


async def test_a_call_is_shown_as_it_was_said(database: Database) -> None:
    call = ended()
    request = msgspec.json.encode({"messages": [{"role": "user", "content": "How far is it?"}]})
    answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Two miles."}}]}
    async with control(database) as api:
        [identity] = await record(database, call)
        body = make_body(call.call, request, response=msgspec.json.encode(answer))
        async with database.transaction() as connection:
            await BodySink().apply(connection, [envelope(body)])
        [unrecorded] = await record(database, ended())
        await api.post("/judges", HELPFUL)
        items = [{"request_id": identity}, {"request_id": unrecorded}]
        added = await api.post("/reviews", {"judge": "helpful", "items": items})
        shown = await api.get(f"/reviews/{added['ids'][0]}")
        nothing = await api.get(f"/reviews/{added['ids'][1]}")
    assert (shown["content"]["input"], shown["content"]["output"]) == ("How far is it?", "Two miles.")
    assert nothing["missing"].startswith("the call is no longer on record")


async def test_a_pair_of_calls_is_read_from_the_record_and_erased_with_either(database: Database) -> None:
    calls = [ended(user="anna", target="mock/a"), ended(user="ben", target="mock/b"), ended(user="ben")]
    request = msgspec.json.encode({"messages": [{"role": "user", "content": "How far is it?"}]})
    async with control(database) as api:
        one, other, silent = await record(database, *calls)
        for call, said in zip(calls[:2], ("Two miles.", "Not far at all."), strict=True):
            answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": said}}]}
            body = make_body(call.call, request, response=msgspec.json.encode(answer))
            async with database.transaction() as connection:
                await BodySink().apply(connection, [envelope(body)])
        await api.post("/judges", {**HELPFUL, "scale": "pairwise", "review": {"random": 1}})
        pair = {"request_id": one, "other_request_id": other, "case": "c1 #1", "characters": [10, 15]}
        marks = [{"value": "a", "shown": "ab"}, {"value": "a", "shown": "ba"}]
        await judged(
            api, {**pair, "marks": marks}, {**pair, "request_id": silent, "case": "c2", "marks": marks}
        )
        known = (await api.post("/judges/helpful/pairs/find", {"names": ["c1 #1", "c2", "c3"]}, 200))["items"]
        assert {each["name"]: each["asked"] for each in known} == {"c1 #1": ["ab", "ba"], "c2": ["ab", "ba"]}
        newer = await api.post("/judges", {**HELPFUL, "scale": "pairwise", "prompt": "Think."})
        asked = {"names": ["c1 #1", "c2"], "version": newer["version"]}
        known = (await api.post("/judges/helpful/pairs/find", asked, 200))["items"]
        by_name = {each["name"]: each for each in known}
        assert by_name["c1 #1"]["content"]["b"] == "Not far at all."
        assert "without its content" in by_name["c2"]["unreadable"]
        again = {**pair, "request_id": silent, "marks": [{"value": "tie", "shown": "ab"}]}
        await judged(api, again)  # the name is known: its answers stay those of the first time
        by_id = {each["case"]: each for each in (await api.get("/reviews", judge="helpful"))["items"]}
        shown = await api.get(f"/reviews/{by_id['c1 #1']['id']}")
        assert (shown["content"]["a"], shown["content"]["b"]) == ("Two miles.", "Not far at all.")
        assert (shown["item"]["request_id"], shown["item"]["other_request_id"]) == (one, other)
        for wrong in (
            {"other_request_id": other},
            {"request_id": one, "other_request_id": one},
            {"request_id": one, "other_request_id": other, "trace_id": "1" * 32},
        ):
            await judged(api, {**wrong, "marks": marks}, status=400)
        await judged(api, {**pair, "other_request_id": str(uuid.uuid4()), "marks": marks}, status=404)
        await api.post("/judges", {**HELPFUL, "name": "single"})
        refused = await api.post("/reviews", {"judge": "single", "items": [pair]}, 400)
        assert "marks single answers" in refused["error"]["message"]
        receipt = await erased(api, database, user="ben")
        told = {row["table"]: (row["removed"], row["remained"]) for row in receipt["tables"]}
        assert told["judged_items"] == (2, 0), "both calls' pairs, of which one began with another's call"


async def test_a_new_prompt_for_the_same_question_keeps_what_people_said(database: Database) -> None:
    async with control(database) as api:
        first = await api.post("/judges", {**HELPFUL, "review": {"random": 1}})
        await judged(api, *(case(f"c{number}", number % 2 == 0) for number in range(40)))
        while (review := await following(api)) is not None:
            value = int(review["item"]["case"][1:]) % 2 == 0
            await api.post(f"/reviews/{review['item']['id']}/marks", {"value": value, "by": "anna"})
        second = await api.post("/judges", {**HELPFUL, "prompt": "Think first.", "review": {"random": 1}})
        assert (second["question"], second["version"] != first["version"]) == (first["question"], True)
        shown = await api.get("/judges/helpful")
        assert shown["versions"] == [second["version"], first["version"]]
        assert shown["report"]["sentence"] == "The judge has marked nothing yet."
        assert shown["report"]["counts"]["marked"] == 40
        old = await api.get("/judges/helpful", version=first["version"])
        assert old["report"]["counts"]["judged"] == 40
        await api.post("/judges", {**HELPFUL, "rubric": "Is it polite?"})
        assert (await api.get("/judges/helpful"))["report"]["counts"]["marked"] == 0
        status, refused = await api.ask("GET", "/api/v1/judges/helpful", version="0" * 16)
        assert (status, "with a version" in refused["error"]["message"]) == (404, True)


async def test_projects_keep_to_themselves(database: Database) -> None:
    async with control(database) as api:
        _, key = await make_key(database, "project_admin", "blue")
        _, viewer = await make_key(database, "viewer", "default")
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})
        await api.post("/judges", {**HELPFUL, "review": {"random": 1}})
        await judged(api, case("one", True))
        identity = (await following(api))["item"]["id"]
        blue = api.as_key(key)
        assert (await blue.get("/judges"))["items"] == []
        for path in ("/judges/helpful", "/reviews?judge=helpful", f"/reviews/{identity}"):
            assert (await blue.ask("GET", f"/api/v1{path}"))[0] == 404
        status, found = await blue.ask("GET", "/api/v1/judges/helpful", project="default")
        assert (status, found["error"]["code"]) == (403, "not_allowed")
        assert (await blue.ask("POST", f"/api/v1/reviews/{identity}/marks", {"value": True}))[0] == 404
        await api.as_key(viewer).post(f"/reviews/{identity}/marks", {"value": True})
        assert (await api.as_key(viewer).ask("POST", "/api/v1/judges", HELPFUL))[0] == 403


async def test_erasing_takes_what_was_marked_and_retention_leaves_numbers(database: Database) -> None:
    async with control(database) as api:
        annas, bens = await record(database, ended(user="anna"), ended(user="ben"))
        await api.post("/judges", {**HELPFUL, "review": {"random": 1}})
        marks = [{"value": True, "reason": "so"}]
        await judged(
            api, {"request_id": annas, "marks": marks}, {"request_id": bens, "marks": marks}, case("c", True)
        )
        for _ in range(3):
            review = await following(api)
            await api.post(
                f"/reviews/{review['item']['id']}/marks", {"value": True, "by": "anna", "comment": "x"}
            )
        receipt = await erased(api, database, user="anna")
        told = {row["table"]: (row["removed"], row["remained"]) for row in receipt["tables"]}
        assert (told["judged_items"], told["marks"]) == ((1, 0), (2, 0))
        assert (await api.get("/judges/helpful"))["report"]["counts"]["judged"] == 2
        async with database.connection() as connection:
            await connection.execute("update judged_items set at = at - interval '40 days'")
            await connection.execute("update marks set at = at - interval '40 days'")
            await expire_marks(connection, {"default": 30})
            found = await connection.execute(
                "select count(*), count(request_id), string_agg(\"user\" || content || case_name, '') "
                "from judged_items"
            )
            assert await found.fetchone() == (2, 0, "")
            found = await connection.execute("select string_agg(comment, '') from marks")
            assert await found.fetchone() == ("",)
        report = (await api.get("/judges/helpful"))["report"]
        assert (report["counts"]["judged"], report["counts"]["marked"]) == (2, 2)


NONSENSE: list[tuple[dict[str, Any], str]] = [
    ({"case": "c", "marks": [{"value": True}]}, "comes without content"),
    ({"marks": [{"value": True}]}, "name one answer"),
    ({**case("c", True), "request_id": str(uuid.uuid4()), "span_id": "1" * 16}, "name one answer"),
    (case("c", "maybe"), "write true or false"),
    (case("c", 3), "write true or false"),
    (case("c", True, sure=1.5), "sure"),
    (case("c", True, shown="ab"), "on this scale write nothing"),
    (case("\0", True), "case"),
    ({**case("c", True), "more": 1}, "more"),
]


async def test_nonsense_of_a_judge_is_refused_or_counted_as_no_verdict(database: Database) -> None:
    async with control(database) as api:
        await api.post("/judges", HELPFUL)
        for item, why in NONSENSE:
            refused = await judged(api, item, status=400)
            assert why in refused["error"]["message"], item
        gone = str(uuid.uuid4())
        refused = await judged(api, {**case("c", True), "request_id": gone}, status=404)
        assert f"there is no call {gone} on record" in refused["error"]["message"]
        await judged(api, case("a", None), case("b", True))
        await judged(api, case("b", True))
        refused = await judged(api, case("b", False), status=409)
        assert "marked otherwise already" in refused["error"]["message"]
        report = (await api.get("/judges/helpful"))["report"]
        assert (report["counts"]["judged"], report["counts"]["unusable"]) == (1, 1)
        assert "1 of 2 answers got no verdict from the judge and count nowhere" in report["notes"]
        broken = {**HELPFUL, "review": {"thumbs_down": True}}
        refused = await api.post("/judges", broken, 400)
        assert "feedback" in refused["error"]["message"]
