"""The SDK against a real server: prompts fetched, kept, rendered, and served while the server is away."""

import json
import stat
import subprocess
import sys
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from tests.flow.gateway_house import House

from headgate.sdk import Client
from headgate.sdk.prompts import PromptError, PromptNotFound, PromptUnavailable, PromptWarning

SAID: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "You help the customers of {{company}}."},
        {"role": "user", "content": "Greet {{name}}."},
    ],
    "model": "mock/small",
    "parameters": {"temperature": 0.25, "max_output": 50, "top_k": 3},
    "tools": [{"name": "look_up", "parameters": {"type": "object", "properties": {}}}],
    "labels": ["production"],
}


@contextmanager
def prompt(house: House, name: str) -> Generator[None]:
    made = house.running.api.post(f"/prompts/{name}/versions", json=SAID)
    assert made.status_code == 201, made.text
    try:
        yield
    finally:
        house.running.api.delete(f"/prompts/{name}")


@contextmanager
def relay(house: House) -> Generator[list[tuple[str, int]]]:
    """A server that passes on to the house and notes path and status; it ends with the block."""
    seen: list[tuple[str, int]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            with house.client() as client:
                answer = client.get(self.path, headers=headers)
            seen.append((self.path, answer.status_code))
            self.send_response(answer.status_code)
            for name in ("etag", "content-type"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    seen.append((f"http://127.0.0.1:{server.server_port}", 0))
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


def test_a_prompt_is_fetched_rendered_and_fits_both_clients(house: House, tmp_path: Path) -> None:
    with prompt(house, "sdk/greeting"):
        client = Client(f"{house.url}/v1/", house.key, cache_folder=tmp_path / "cache")
        found = client.prompts.get("sdk/greeting")
        assert (found.version, found.model, found.stale) == (1, "mock/small", False)
        assert found.labels == ["production", "latest"] and found.variables == ["company", "name"]
        assert found.render(company="Acme <&>", name="{{company}}") == [
            {"role": "system", "content": "You help the customers of Acme <&>."},
            {"role": "user", "content": "Greet {{company}}."},
        ]
        arguments = found.openai(company="Acme", name="Ada")
        with openai.OpenAI(base_url=f"{house.url}/v1", api_key=house.key) as chat:
            assert chat.chat.completions.create(**arguments).choices[0].message
        assert arguments["extra_body"] == {"top_k": 3}
        talk = found.anthropic(company="Acme", name="Ada")
        assert talk["system"] == "You help the customers of Acme." and talk["max_tokens"] == 50
        with anthropic.Anthropic(base_url=house.url, api_key=house.key) as messages:
            assert messages.messages.create(**talk).content


def test_a_missing_variable_is_named_and_an_unread_one_if_strict(house: House, tmp_path: Path) -> None:
    with prompt(house, "strict"):
        prompts = Client(house.url, house.key, cache_folder=tmp_path).prompts
        with pytest.raises(PromptError, match="strict@1: the variable 'name' is missing"):
            prompts.get("strict").render(company="Acme")
        values = {"company": "Acme", "name": "Ada", "nmae": "Bob"}
        assert prompts.get("strict").render(**values)
        with pytest.raises(PromptError, match="no variable 'nmae'"):
            prompts.get("strict", strict=True).render(**values)
        with pytest.raises(PromptError, match="no variable 'nmae'"):
            prompts.get("strict", strict=True).openai(**values)


def test_it_asks_again_only_whether_something_changed(house: House, tmp_path: Path) -> None:
    with prompt(house, "fresh"), relay(house) as seen:
        url = seen.pop()[0]
        quick = Client(url, house.key, cache_folder=tmp_path, fresh_s=0).prompts
        assert quick.get("fresh").version == 1
        assert quick.get("fresh").version == 1
        assert [status for _, status in seen] == [200, 304]
        slow = Client(url, house.key, cache_folder=tmp_path).prompts
        assert slow.get("fresh").version == 1
        assert len(seen) == 2, "the copy on disk is fresh enough"
        second = {**SAID, "model": "mock/large"}
        assert house.running.api.post("/prompts/fresh/versions", json=second).status_code == 201
        assert quick.get("fresh").version == 2
        assert slow.get("fresh").version == 1
        assert slow.get("fresh", version=1).model == "mock/small"
        count = len(seen)
        assert slow.get("fresh", version=1).version == 1
        assert quick.get("fresh", version=1).version == 1
        assert len(seen) == count, "a version never changes"


def test_the_last_copy_serves_while_the_server_is_away(house: House, tmp_path: Path) -> None:
    with prompt(house, "away"), relay(house) as seen:
        url = seen[0][0]
        client = Client(url, house.key, cache_folder=tmp_path, fresh_s=0)
        assert not client.prompts.get("away").stale
    with pytest.warns(
        PromptWarning, match=r"is away \(.*the copy of prompt 'away' \(production\) serves"
    ) as told:
        found = client.prompts.get("away")
        again = client.prompts.get("away")
        anew = Client(url, house.key, cache_folder=tmp_path, fresh_s=0).prompts.get("away")
    assert len(told) == 2, "once a client"
    assert [each.stale for each in (found, again, anew)] == [True, True, True]
    assert anew.render(company="Acme", name="Ada")[1]["content"] == "Greet Ada."
    with pytest.raises(PromptUnavailable, match="there is no copy in"):
        client.prompts.get("other")
    with pytest.raises(PromptUnavailable):
        Client(url, "another-key-of-another-project", cache_folder=tmp_path).prompts.get("away")


def test_what_the_server_refuses_is_no_copys_to_answer(house: House, tmp_path: Path) -> None:
    with prompt(house, "gone"):
        client = Client(house.url, house.key, cache_folder=tmp_path, fresh_s=0)
        assert client.prompts.get("gone").version == 1
        with pytest.raises(PromptNotFound, match="no label 'canary'; it has latest, production"):
            client.prompts.get("gone", label="canary")
    with pytest.raises(PromptNotFound, match="no managed prompt 'gone'"):
        client.prompts.get("gone")
    with pytest.raises(PromptError, match="the key is cut short"):
        Client(house.url, "hg_nobody_of_this_server", cache_folder=tmp_path).prompts.get("gone")


def test_copies_are_this_users_alone_and_broken_ones_are_none(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "cache"
    with prompt(house, "kept"):
        assert Client(house.url, house.key, cache_folder=folder).prompts.get("kept").version == 1
        (copy,) = folder.iterdir()
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert house.key not in copy.name + copy.read_text()
        for broken in ("", "{", "[]", json.dumps({"format": 99})):
            copy.write_text(broken)
            assert Client(house.url, house.key, cache_folder=folder).prompts.get("kept").version == 1
            assert json.loads(copy.read_text())["said"]["name"] == "kept"


def test_a_folder_that_takes_no_copy_is_told_of_once(house: House, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with prompt(house, "unkept"):
        client = Client(house.url, house.key, cache_folder=tmp_path / "file", fresh_s=0)
        with pytest.warns(PromptWarning, match="can't be kept") as told:
            assert client.prompts.get("unkept").version == 1
            assert client.prompts.get("unkept").version == 1
    assert len(told) == 1


def test_a_redirect_is_not_followed_with_the_key(tmp_path: Path) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        client = Client(f"http://127.0.0.1:{server.server_port}", "key", cache_folder=tmp_path)
        with pytest.raises(PromptError, match="answered 302"):
            client.prompts.get("x")
        thread.join(timeout=10)
    assert asked == ["/api/v1/prompts/x/versions/production"]


@pytest.mark.parametrize("url", ["", "127.0.0.1:4400", "file:///etc/passwd", "ftp://x", "http://"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        Client(url, "key")


def test_importing_it_loads_little() -> None:
    script = "import sys; from headgate.sdk import Client; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert "headgate.sdk.prompts" in loaded
    heavy = {
        "msgspec",
        "httpx",
        "jinja2",
        "yaml",
        "urllib.request",
        "http.client",
        "asyncio",
        "litestar",
        "psycopg",
    }
    assert not loaded & heavy


def test_rendering_loads_nothing_of_the_server() -> None:
    script = "import sys, headgate.sdk.rendering, headgate.sdk.fetching; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert not set(done.stdout.split()) & {
        "httpx",
        "jinja2",
        "yaml",
        "asyncio",
        "litestar",
        "psycopg",
        "uvicorn",
    }


def test_warnings_are_no_errors_for_who_is_up(house: House, tmp_path: Path) -> None:
    with warnings.catch_warnings(), prompt(house, "quiet"):
        warnings.simplefilter("error")
        assert (
            Client(house.url, house.key, cache_folder=tmp_path).prompts.get("quiet", label="latest").version
            == 1
        )
