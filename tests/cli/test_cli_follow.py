"""`headgate requests --follow`: calls appear once each, as they are recorded, until it is interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

from tests.cli.scripted_api import Script, ScriptedApi, serving


def row(identity: str) -> dict[str, object]:
    return {"id": identity, "started_at": "2026-11-21T08:00:00Z", "status": 200, "target": "mock/mock"}


def test_new_calls_are_shown_once_and_oldest_first() -> None:
    api = ScriptedApi()
    pages = [[row("a")], [row("a")], [row("c"), row("b"), row("a")], [row("d"), row("c"), row("b")]]
    api.on("GET", "/api/v1/requests", Script(*({"items": page, "next": None} for page in pages)))
    shown, rest, said, status = followed(api, "requests", "--follow", identity="id")
    assert shown == ["b", "c", "d"]
    assert rest == "", "what was shown is not shown again"
    assert status == 130
    assert "Traceback" not in said


def test_traces_are_shown_again_when_they_have_grown() -> None:
    api = ScriptedApi()
    pages = [[trace("a", 1)], [trace("a", 1)], [trace("b", 1), trace("a", 2)], [trace("b", 3), trace("a", 2)]]
    api.on("GET", "/api/v1/traces", Script(*({"items": page, "next": None} for page in pages)))
    shown, rest, said, status = followed(api, "traces", "--follow", identity="trace_id")
    assert (shown, rest, status) == (["a", "b", "b"], "", 130)
    assert "Traceback" not in said


def trace(identity: str, spans: int) -> dict[str, object]:
    return {"trace_id": identity, "project": "default", "spans": spans}


def followed(api: ScriptedApi, *command: str, identity: str) -> tuple[list[str], str, str, int]:
    """The first three that a command shows, what it shows then, what it says, and its status."""
    with serving(api):
        following = subprocess.Popen(
            [sys.executable, "-m", "headgate.cli.app", *command, "--json"],
            env={**os.environ, "HEADGATE_URL": api.url, "HEADGATE_KEY": "hg_test"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell's background jobs ignore it, and so would what they start.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        try:
            assert following.stdout is not None
            shown = [json.loads(following.stdout.readline())[identity] for _ in range(3)]
            asked = len(api.asked)
            ends = time.monotonic() + 20
            while len(api.asked) < asked + 2 and time.monotonic() < ends:
                time.sleep(0.05)
        finally:
            following.send_signal(signal.SIGINT)
            try:
                rest, said = following.communicate(timeout=20)
            finally:
                following.kill()
    return shown, rest, said, following.returncode
