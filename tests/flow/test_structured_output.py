"""Answers held against the schema that their call prescribes: whole, repaired, refused, and billed."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from tests.flow.gateway_house import House
from tests.flow.scripted_provider import Reply, answer, completion, error
from tests.flow.structured_house import (
    BAD,
    FORMAT,
    GOOD,
    MESSAGES,
    PLACES,
    SCHEMA,
    Aliases,
    Budgets,
    structured_house,
)

PRICE = Decimal("0.00005")
"""Of 10 tokens in and 20 out, at 1 and 2 USD a million."""

ALIASES: Aliases = {
    "unset": (("b/unset",), ""),
    "by-tool": (("claude/by-tool",), ""),
    "by-tool-trusted": (("claude/by-tool-trusted",), "trusted"),
    "by-tool-repaired": (("claude/by-tool-repaired",), "repaired"),
    "valid": (("b/valid",), "validated"),
    "held": (("b/held",), "validated"),
    "ends": (("b/ends",), "validated"),
    "choices": (("b/choices",), "validated"),
    "object": (("b/object",), "validated"),
    "faulty": (("b/faulty",), "validated"),
    "hostile": (("b/hostile",), "validated"),
    "two": (("a/two", "b/two"), "validated"),
    "quiet": (("b/quiet",), "validated"),
    "repaired": (("b/repaired",), "repaired"),
    "still-bad": (("b/still-bad",), "repaired"),
    "late-bad": (("b/late-bad",), "repaired"),
    "google": (("gemini/google",), "repaired"),
    "messages": (("claude/messages",), "repaired"),
    "poor": (("b/poor",), "repaired"),
    "rejecting": (("b/rejecting",), "repaired"),
    "rich": (("b/rich",), "repaired"),
}
BUDGETS: Budgets = {
    "poor": ("0.0065", ""),
    "rejecting": ("0.0065", 'when_exhausted = "reject"'),
    "rich": ("1", ""),
}


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with structured_house(ALIASES, BUDGETS) as opened:
        yield opened


def choice(text: str, finish: str = "stop", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": text, **message}
    return {"index": 0, "message": said, "finish_reason": finish}


def chosen(*choices: dict[str, Any]) -> Reply:
    numbered = [{**one, "index": place} for place, one in enumerate(choices)]
    return answer({**completion(), "choices": numbered})


def tool_use(arguments: Any) -> Reply:
    block = {"type": "tool_use", "id": "t1", "name": "final_answer", "input": arguments}
    return answer(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "scripted",
            "content": [block],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 20},
        }
    )


def ask(house: House, alias: str, **more: Any) -> Any:
    return house.chat(alias, "Who?", **{"response_format": FORMAT, **more})


def sent(house: House, provider: str, alias: str, number: int = -1) -> dict[str, Any]:
    return json.loads(house.provider.received(provider, alias)[number].body)


def test_a_valid_answer_is_passed_on_byte_for_byte(house: House) -> None:
    house.provider.on("b", "valid", answer(completion(GOOD)))
    given = ask(house, "valid")
    assert given.json() == completion(GOOD)
    assert "x-headgate-changes" not in given.headers
    assert house.provider.received("b", "valid")[0].body, "what went out is the caller's"
    assert sent(house, "b", "valid")["response_format"] == FORMAT


def test_an_answer_that_fails_is_an_error_with_each_place_and_is_billed(house: House) -> None:
    house.provider.on("b", "held", answer(completion(BAD)))
    given = ask(house, "held")
    told = given.json()["error"]
    assert (given.status_code, told["code"], told["type"]) == (
        422,
        "schema_mismatch",
        "invalid_request_error",
    )
    assert all(place in told["message"] for place in PLACES)
    row = house.record(given.headers["x-headgate-request-id"])
    assert (row["status"], row["code"], row["cost_usd"]) == (422, "schema_mismatch", PRICE)
    assert not row["estimated"] and not row["truncated"]
    found = house.running.get(f"/requests/{given.headers['x-headgate-request-id']}")
    assert (found["usage"]["input"], found["usage"]["output"]) == (10, 20)
    assert [(one["status"], one["code"]) for one in found["attempts"]] == [(200, "schema_mismatch")]
    body = house.find("select response from request_bodies where id = %s", str(row["id"]))
    assert json.loads(body["response"]) == completion(BAD)
    assert len(house.provider.received("b", "held")) == 1
    assert "breaker" not in json.dumps(house.running.get("/alerts"))


def test_without_a_word_of_the_alias_a_passed_call_is_trusted(house: House) -> None:
    house.provider.on("b", "unset", answer(completion(BAD)))
    assert ask(house, "unset").json() == completion(BAD)


def test_without_a_word_of_the_alias_what_a_tool_enforces_is_validated(house: House) -> None:
    house.provider.on("claude", "by-tool", tool_use({"age": "x"}), tool_use({"name": "Ada"}))
    given = ask(house, "by-tool")
    assert given.status_code == 422 and all(place in given.text for place in map(_escaped, PLACES))
    assert json.loads(ask(house, "by-tool").json()["choices"][0]["message"]["content"]) == {"name": "Ada"}


def _escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


def test_what_is_trusted_is_not_held(house: House) -> None:
    house.provider.on("claude", "by-tool-trusted", tool_use({"age": "x"}))
    given = ask(house, "by-tool-trusted")
    assert json.loads(given.json()["choices"][0]["message"]["content"]) == {"age": "x"}


ENDS = {
    "refusal": choice("", refusal="No."),
    "length": choice('{"na', "length"),
    "content_filter": choice("", "content_filter"),
    "tool_calls": choice(
        "",
        "tool_calls",
        tool_calls=[{"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
    ),
}


@pytest.mark.parametrize("end", list(ENDS))
def test_an_answer_that_ends_in_another_way_says_so_itself(house: House, end: str) -> None:
    house.provider.on("b", "ends", chosen(ENDS[end]))
    given = ask(house, "ends")
    assert given.status_code == 200, given.text
    assert given.json()["choices"][0] == ENDS[end]


def test_every_choice_is_held(house: House) -> None:
    house.provider.on("b", "choices", chosen(choice(GOOD), choice(BAD)), chosen(choice(GOOD), choice(GOOD)))
    given = ask(house, "choices", n=2)
    assert given.status_code == 422
    assert f"choice 1: {PLACES[0]}" in given.json()["error"]["message"]
    assert ask(house, "choices", n=2).status_code == 200


def test_json_without_a_schema_is_an_object(house: House) -> None:
    replies = [answer(completion(text)) for text in ("[1]", "hello", "{}")]
    house.provider.on("b", "object", *replies)
    form = {"response_format": {"type": "json_object"}}
    assert [ask(house, "object", **form).status_code for _ in replies] == [422, 422, 200]


def test_a_form_whose_member_is_spelled_otherwise_is_held_too(house: House) -> None:
    house.provider.on("b", "object", answer(completion("hello")))
    body = json.dumps({"model": "object", "messages": MESSAGES, "response_format": FORMAT})
    spelled = body.replace("response_format", "response\\u005fformat").encode()
    assert house.post("/v1/chat/completions", spelled).status_code == 422


def test_a_call_without_a_form_is_not_held(house: House) -> None:
    house.provider.on("b", "object", answer(completion("hello")))
    assert house.chat("object").status_code == 200
    assert ask(house, "object", response_format={"type": "text"}).status_code == 200


@pytest.mark.parametrize(
    "schema", [{"type": "strin"}, {"$ref": "https://example.com/s"}, {"pattern": "("}, {"$ref": "#/nowhere"}]
)
def test_a_schema_that_is_none_is_refused_before_anything_is_sent(house: House, schema: Any) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "p", "schema": schema}}
    given = ask(house, "faulty", response_format=form)
    told = given.json()["error"]
    assert (given.status_code, told["code"]) == (400, "invalid_request")
    assert told["param"] == "response_format.json_schema.schema"
    assert not house.provider.received("b", "faulty")


def test_a_hostile_schema_holds_up_nobody_and_is_refused_from_then_on(house: House) -> None:
    node = {"$ref": "#/$defs/n"}
    branches = [{"properties": {"a": node}, "required": [name]} for name in "bc"]
    schema = {**node, "$defs": {"n": {"anyOf": branches}}}
    form = {"type": "json_schema", "json_schema": {"name": "p", "schema": schema}}
    house.provider.on("b", "hostile", answer(completion('{"a":' * 40 + "1" + "}" * 40)))
    given = ask(house, "hostile", response_format=form)
    assert given.status_code == 422 and "can't be held against the schema within" in given.text
    again = ask(house, "hostile", response_format=form)
    assert again.status_code == 400 and "make it simpler" in again.text
    assert len(house.provider.received("b", "hostile")) == 1


def test_another_target_answers_where_one_fails(house: House) -> None:
    house.provider.on("a", "two", answer(completion(BAD)))
    house.provider.on("b", "two", answer(completion(GOOD)))
    given = ask(house, "two")
    assert (given.status_code, given.headers["x-headgate-target"]) == (200, "b/two")
    assert Decimal(given.headers["x-headgate-cost-usd"]) == 2 * PRICE
    house.provider.on("b", "two", error(500, "broken"))
    assert ask(house, "two").json()["error"]["code"] == "upstream_error"
    house.provider.on("b", "two", answer(completion(BAD)))
    given = ask(house, "two")
    assert given.json()["error"]["code"] == "schema_mismatch"
    assert "a/two: " in given.text and "b/two: " in given.text


def test_many_failing_answers_do_not_open_the_breaker(house: House) -> None:
    house.provider.on("b", "held", answer(completion(BAD)))
    assert {ask(house, "held").status_code for _ in range(12)} == {422}


def test_where_no_content_is_recorded_reasons_quote_none(house: House) -> None:
    key = house.make_key(project="quiet")
    house.provider.on("b", "quiet", answer(completion('{"name": 1, "age": "my-secret"}')))
    body = {"model": "quiet", "messages": MESSAGES, "response_format": FORMAT}
    given = house.post("/v1/chat/completions", body, {"authorization": f"Bearer {key}"})
    assert given.status_code == 422 and "$.age: the value is not of type" in given.text
    assert "my-secret" not in given.text


def test_an_answer_is_repaired_by_an_attempt_of_its_own(house: House) -> None:
    house.provider.on("b", "repaired", answer(completion(BAD)), answer(completion(GOOD)))
    given = ask(house, "repaired")
    assert given.json() == completion(GOOD)
    assert "repaired" in given.headers["x-headgate-changes"]
    assert Decimal(given.headers["x-headgate-cost-usd"]) == 2 * PRICE
    first, second = sent(house, "b", "repaired", 0), sent(house, "b", "repaired", 1)
    assert second["response_format"] == FORMAT
    assert second["messages"][: len(first["messages"])] == first["messages"]
    shown, told = second["messages"][len(first["messages"]) :]
    assert (shown["role"], shown["content"], told["role"]) == ("assistant", BAD, "user")
    assert all(place in told["content"] for place in PLACES)
    found = _found(house, given)
    assert [(one["status"], one["code"]) for one in found["attempts"]] == [
        (200, "schema_mismatch"),
        (200, ""),
    ]
    assert (found["usage"]["input"], found["usage"]["output"]) == (20, 40)
    assert Decimal(found["cost_usd"]) == 2 * PRICE


def _found(house: House, given: Any) -> dict[str, Any]:
    house.record(given.headers["x-headgate-request-id"])
    return house.running.get(f"/requests/{given.headers['x-headgate-request-id']}")


def test_an_answer_is_repaired_once_only(house: House) -> None:
    house.provider.on("b", "still-bad", answer(completion("no")), answer(completion(BAD)))
    given = ask(house, "still-bad")
    assert given.status_code == 422 and _escaped(PLACES[0]) in given.text
    assert len(house.provider.received("b", "still-bad")) == 2
    found = _found(house, given)
    assert [one["code"] for one in found["attempts"]] == ["schema_mismatch", "schema_mismatch"]
    assert Decimal(found["cost_usd"]) == 2 * PRICE


def test_a_repair_that_fails_otherwise_is_that_failure(house: House) -> None:
    house.provider.on("b", "late-bad", answer(completion(BAD)), error(500, "broken"))
    given = ask(house, "late-bad")
    assert (given.status_code, given.json()["error"]["code"]) == (502, "upstream_error")
    assert Decimal(_found(house, given)["cost_usd"]) == PRICE


def test_what_a_tool_enforces_is_repaired_too(house: House) -> None:
    house.provider.on("claude", "by-tool-repaired", tool_use({"age": "x"}), tool_use({"name": "Ada"}))
    given = ask(house, "by-tool-repaired", max_tokens=100)
    assert json.loads(given.json()["choices"][0]["message"]["content"]) == {"name": "Ada"}
    second = sent(house, "claude", "by-tool-repaired")
    assert second["tools"][0]["name"] == "final_answer" and len(second["messages"]) == 3


def test_the_repair_is_paid_by_the_same_budget(house: House) -> None:
    house.provider.on("b", "rich", answer(completion(BAD)), answer(completion(GOOD)))
    given = ask(house, "rich")
    assert given.status_code == 200
    assert house.record(given.headers["x-headgate-request-id"])["cost_usd"] == 2 * PRICE
    assert house.spent("rich") == 2 * PRICE


@pytest.mark.parametrize("alias", ["poor", "rejecting"])
def test_a_budget_that_can_t_pay_the_repair_is_named(house: House, alias: str) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 1000, "total_tokens": 1100}
    house.provider.on("b", alias, answer(completion(BAD, usage)))
    given = ask(house, alias)
    assert (given.status_code, given.json()["error"]["code"]) == (422, "schema_mismatch"), given.text
    assert "it was not repaired: " in given.text and alias in given.text.partition("not repaired")[2], (
        given.text
    )
    assert len(house.provider.received("b", alias)) == 1
    house.record(given.headers["x-headgate-request-id"])
    assert house.spent(alias) == Decimal("0.0021")


def test_googles_own_callers_are_told_in_their_dialect(house: House) -> None:
    part = {"content": {"parts": [{"text": BAD}], "role": "model"}, "finishReason": "STOP"}
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 20, "totalTokenCount": 30}
    good = {"content": {"parts": [{"text": GOOD}], "role": "model"}, "finishReason": "STOP"}
    replies = [answer({"candidates": [one], "usageMetadata": usage}) for one in (part, part, part, good)]
    house.provider.on("gemini", "google", *replies)
    config = {"responseMimeType": "application/json", "responseSchema": {**SCHEMA, "type": "OBJECT"}}
    body = {"contents": [{"role": "user", "parts": [{"text": "Who?"}]}], "generationConfig": config}
    path = "/v1beta/models/google:generateContent"
    given = house.post(path, body)
    told = given.json()["error"]
    assert (given.status_code, told["status"]) == (422, "INVALID_ARGUMENT") and PLACES[0] in told["message"]
    given = house.post(path, body)
    assert given.json()["candidates"][0]["content"]["parts"] == [{"text": GOOD}]
    second = sent(house, "gemini", "google")
    assert [one["role"] for one in second["contents"]] == ["user", "model", "user"]
    assert second["generationConfig"] == config


def test_anthropics_own_callers_are_told_in_their_dialect(house: House) -> None:
    def message(text: str) -> Reply:
        return answer(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "scripted",
                "content": [{"type": "text", "text": text}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": 10, "output_tokens": 20},
            }
        )

    form = {"format": {"type": "json_schema", "schema": SCHEMA}}
    body = {"model": "messages", "max_tokens": 50, "messages": MESSAGES, "output_config": form}
    house.provider.on("claude", "messages", message(BAD), message(BAD), message(BAD), message(GOOD))
    given = house.post("/v1/messages", body)
    assert (given.status_code, given.json()["type"]) == (422, "error")
    assert given.json()["error"]["code"] == "schema_mismatch"
    given = house.post("/v1/messages", body)
    assert given.json()["content"][0]["text"] == GOOD
    assert sent(house, "claude", "messages")["output_config"] == form
