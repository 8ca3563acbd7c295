"""Secrets of clouds, searched for in every sink: keys that sign, sessions, private keys, assertions, tokens.

Each is quoted back by who was shown it, in every place that a client, a record or a log could show.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.attack.secret_house import HI, SecretHouse, collect, collect_files, echoing, forms
from tests.flow.cloud_house import Clouds, open_clouds
from tests.flow.cloud_provider import API_KEY, KEY_ID, SECRET, SESSION, aws_error
from tests.flow.scripted_provider import answer, stream
from tests.wire.dialects.bedrock_samples import event, exception

BINARY = "application/vnd.amazon.eventstream"
PLACES = (
    "answers",
    "control API",
    "command line output",
    "command lines",
    "environment of the database",
    "log",
    "files",
    "database",
    "backup",
)
GENERATED = {
    "candidates": [{"content": {"parts": [{"text": "hi"}], "role": "model"}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
}


def told(clouds: Clouds, house: SecretHouse, provider: str, quoted: str) -> None:
    """Calls of which each is answered with the words `quoted`, in OpenAI's dialect and in Amazon's."""
    headers = {"authorization": f"Bearer {clouds.key}"}
    for name, reply in echoing(quoted):
        model = f"openai.gpt-oss-{name}" if not provider.startswith("vertex") else f"meta/{name}"
        clouds.provider.on(provider, model, reply)
        body = {"model": f"{provider}/{model}", "messages": HI, "stream": name.startswith("stream")}
        house.caught_call("/v1/chat/completions", body, headers)
    if provider.startswith("vertex"):
        return
    replies: dict[str, Any] = {
        "m-400": aws_error(400, "ValidationException", quoted, f"x-amzn-requestid: {quoted}"),
        "m-403": aws_error(403, "InvalidSignatureException", f"the canonical string was {quoted}"),
        "m-429": aws_error(429, "ThrottlingException", quoted),
        "m-stream": stream(
            event("messageStart", {"role": "assistant"}),
            event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "hi"}}),
            exception("modelStreamErrorException", {"message": quoted}),
            kind=BINARY,
        ),
    }
    for model, reply in replies.items():
        clouds.provider.on(provider, model, reply)
        for is_stream in (False, True):
            body = {"model": f"{provider}/{model}", "messages": HI, "stream": is_stream}
            house.caught_call("/v1/chat/completions", body, headers)
    body = {"model": f"{provider}/m-400", "messages": HI, "max_tokens": 5}
    house.caught_call("/v1/messages", body, {"x-api-key": clouds.key})


def crash(clouds: Clouds) -> None:
    """A gateway is ended by a signal that leaves a traceback; another takes its place."""
    before = clouds.running.worker_pids("gateway 1")
    for pid in before:
        os.kill(pid, signal.SIGABRT)
    until = time.monotonic() + 30
    while clouds.running.worker_pids("gateway 1") in ([], before):
        assert time.monotonic() < until
        time.sleep(0.1)


def drive(clouds: Clouds, house: SecretHouse) -> None:
    headers = {"authorization": f"Bearer {clouds.key}"}
    clouds.provider.on("vertex", "gemini", answer(GENERATED))
    body = {"model": "vertex/gemini", "messages": HI}
    assert house.caught_call("/v1/chat/completions", body, headers) == 200
    clouds.provider.on("vertex-global", "gemini", answer(GENERATED))
    assert (
        house.caught_call("/v1/chat/completions", {**body, "model": "vertex-global/gemini"}, headers) == 200
    )
    token = clouds.token_server.given[-1]
    told(clouds, house, "vertex-global", token)
    said = {"error": {"message": f"not this token: {token}", "status": "UNAUTHENTICATED", "code": 400}}
    clouds.provider.on("vertex-global", "gemini-400", answer(said, 400))
    house.caught_call("/v1/chat/completions", {**body, "model": "vertex-global/gemini-400"}, headers)
    for provider, quoted in (
        ("bedrock", SECRET),
        ("session", SESSION),
        ("mantle", SECRET),
        ("bearer", API_KEY),
    ):
        told(clouds, house, provider, quoted)
    clouds.provider.tokens.clear()  # both stand-ins quote what they refuse
    clouds.token_server.failing = True
    assert house.caught_call("/v1/chat/completions", body, headers) == 502
    clouds.token_server.failing = False
    for provider in ("vertex-broken", "vertex-short"):
        assert house.caught_call("/v1/chat/completions", {**body, "model": f"{provider}/m"}, headers) == 503
    crash(clouds)
    clouds.running.config_path.write_text(clouds.running.config_path.read_text() + "\n# changed\n")
    time.sleep(1.5)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretHouse]:
    """Driven through all of it, looked at everywhere, and ended."""
    more = {"PYTHONASYNCIODEBUG": "1", "PYTHONFAULTHANDLER": "1"}
    with open_clouds(tmp_path_factory.mktemp("clouds"), more) as clouds:
        made = SecretHouse(clouds.running, clouds.provider, {"admin key": clouds.key})
        drive(clouds, made)
        collect(made)
        made.admin.close()
        made.canaries = {
            "access key": SECRET,
            "session": SESSION,
            "API key": API_KEY,
            "line of a private key": clouds.account.pem.splitlines()[7],
            **{f"token {number}": token for number, token in enumerate(clouds.token_server.given)},
            **{
                f"signature of assertion {number}": assertion.rpartition(".")[2]
                for number, assertion in enumerate(clouds.token_server.assertions)
            },
        }
    collect_files(made)
    yield made


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", PLACES)
def test_no_secret_of_a_cloud_shows(house: SecretHouse, place: str) -> None:
    assert len(house.canaries) >= 8
    assert sum(map(len, house.sinks.caught[place])) > 0
    for name, canary in house.canaries.items():
        for form, wanted in forms(canary).items():
            for data in house.sinks.caught[place]:
                at = data.find(wanted)
                assert at < 0, f"{name} ({form}) in {place}: {data[max(0, at - 80) : at + 40]!r}"


def test_what_was_quoted_did_arrive(house: SecretHouse) -> None:
    """Masked answers were seen, so that the search above looked where secrets had been."""
    answers = b"".join(house.sinks.caught["answers"])
    assert answers.count(b"***") > 40
    received = [one for place in house.provider.everything().values() for one in place]
    assert len(received) > 60
    sent = json.dumps([one.headers for one in received])
    assert KEY_ID in sent and API_KEY in sent and SECRET not in sent


def test_who_is_shown_one_secret_is_shown_no_other(house: SecretHouse) -> None:
    own = {"bearer": {"API key"}, "session": {"session"}, "backup": {"API key"}}
    for (provider, _), received in house.provider.everything().items():
        for request in received:
            sent = (repr(request.headers) + request.target).encode() + request.body
            for name, canary in house.canaries.items():
                may = name in own.get(provider, set()) or (provider.startswith("vertex") and "token" in name)
                assert may or not [form for form, wanted in forms(canary).items() if wanted in sent], name


def test_the_log_and_the_path_of_the_key_file_are_there(house: SecretHouse) -> None:
    log = b"".join(house.sinks.caught["log"])
    assert b"vertex-short is left out" in log
    assert Path(house.running.folder).exists()
