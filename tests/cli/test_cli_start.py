"""Commands start fast: they load what they need, take plain values as they stand."""

import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Annotated

import pytest
import typer
import typer.main
from tests.cli.scripted_api import ScriptedApi, serving

from headgate.cli.app import main
from headgate.cli.asking import Connection, NoAnswer, TooSlow
from headgate.cli.values import take_plain_values

HEAVY = ("pydantic", "httpx", "rich", "headgate.cli.rules", "headgate.cli.whatif")


def test_a_command_loads_neither_other_nouns_nor_pydantic_nor_a_large_client() -> None:
    with serving(ScriptedApi()) as api:
        api.items("/api/v1/keys")
        command = ["keys", "list", "--url", api.url]
        script = (
            f"import sys\nfrom headgate.cli.app import main\nassert main({command}) == 0\nprint(*sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
        )
    loaded = set(done.stdout.split())
    assert "headgate.cli.keys" in loaded
    assert not loaded & set(HEAVY)


def taken(*words: str) -> dict[str, object]:
    """What a command that takes values of every kind is given."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    given: dict[str, object] = {}

    @app.command()
    def command(
        *,
        text: Annotated[str, typer.Argument()],
        path: Annotated[Path | None, typer.Option()] = None,
        number: Annotated[int, typer.Option(min=1, max=9)] = 3,
        part: Annotated[float | None, typer.Option(max=1)] = None,
        several: Annotated[list[str] | None, typer.Option()] = None,
        yes: Annotated[bool, typer.Option("--yes")] = False,
        there: Annotated[Path | None, typer.Option(exists=True)] = None,
    ) -> None:
        given.update(locals())

    made = typer.main.get_command(app)
    take_plain_values(made)
    made.main(list(words), standalone_mode=False)
    given.pop("given", None)
    return given


def test_values_are_what_they_were_declared_as() -> None:
    nothing = {"text": "7", "path": None, "number": 3, "part": None, "yes": False, "there": None}
    assert taken("7") == {**nothing, "several": None} or taken("7") == {**nothing, "several": []}
    words = ["--path", "b", "--number", "9", "--part", "0.5", "--several", "x", "--several", "y", "--yes"]
    assert taken("a", *words) == {
        "text": "a", "path": Path("b"), "number": 9, "part": 0.5, "several": ["x", "y"], "yes": True,
        "there": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "words",
    ["", "a --number 0", "a --number 10", "a --number ten", "a --part 2", "a --there /nowhere/at/all"],
)
def test_what_makes_no_sense_is_refused(words: str) -> None:
    refused = typer.BadParameter.__mro__[1]
    with pytest.raises(refused):
        taken(*words.split())


def test_the_help_of_a_command_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "list", "--help"]) == 0
    assert "--json" in capsys.readouterr().out


def answering(
    *answers: bytes, closed: threading.Event | None = None
) -> tuple[str, threading.Thread, list[bytes]]:
    """A server that answers each connection once and closes it, and says so; with what it was sent."""
    listening = socket.create_server(("127.0.0.1", 0))
    asked: list[bytes] = []

    def serve() -> None:
        with listening:
            for answer in answers:
                with listening.accept()[0] as connection:
                    asked.append(connection.recv(65536))
                    connection.sendall(answer)
                if closed is not None:
                    closed.set()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}", thread, asked


KEPT = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]"


def test_a_connection_that_was_closed_meanwhile_is_opened_anew() -> None:
    closed = threading.Event()
    url, thread, asked = answering(KEPT, KEPT, closed=closed)
    connection = Connection(f"{url}/below", {"authorization": "Bearer k"}, 10)
    assert connection.ask("GET", "/a", [("b", "c d")]).content == b"[]"
    assert closed.wait(10)
    assert connection.ask("DELETE", "/e").is_success
    connection.close()
    thread.join(10)
    assert asked[0].startswith(b"GET /below/a?b=c+d HTTP/1.1\r\n")
    assert b"authorization: Bearer k\r\n" in asked[1]


def test_lines_come_as_they_are_sent_and_a_break_is_said() -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    url, thread, _ = answering(head + b"8\r\nevent: a\r\n3\r\n\r\nb\r\n")
    connection = Connection(url, {}, 10)
    seen: list[str] = []
    with pytest.raises(NoAnswer), connection.opened("POST", "/", b"{}", "text/event-stream") as answer:
        seen.extend(answer.lines)
    thread.join(10)
    assert seen[:1] == ["event: a"]


@pytest.mark.parametrize("url", ["ftp://a", "127.0.0.1:4400", "http://", "http://a:port", "http://a b"])
def test_what_is_no_address_is_said(url: str) -> None:
    with pytest.raises(NoAnswer):
        Connection(url, {}, 1).ask("GET", "/")


def test_who_never_answers_is_too_slow() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = Connection(f"http://127.0.0.1:{silent.getsockname()[1]}", {}, 0.2)
        with pytest.raises(TooSlow):
            connection.ask("GET", "/")
