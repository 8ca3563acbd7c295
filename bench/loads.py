"""Making load: wrk where calls follow each other, our own client where they come at a fixed rate or count.

Never judges a figure. Read next: `measuring`.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.serving import Ask
from bench.starting import compiled, first_in_line

_DONE = """
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\\n{"calls": %d, "bytes": %d, "seconds": %.6f, "p50_us": %.1f, "p99_us": %.1f, ' ..
    '"broken": %d, "refused": %d}\\n',
    summary.requests, summary.bytes, summary.duration / 1e6,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
"""


class LoadFailed(Exception):
    """A load could not be made, or its server is gone; the text says why."""


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """What wrk saw: answers, errors, and how long calls took while the server was kept full."""

    calls: int
    bytes: int
    seconds: float
    p50_us: float
    p99_us: float
    broken: int
    refused: int


class Timed(msgspec.Struct, frozen=True, kw_only=True):
    """What `load.c` saw; `first_refused` is a status.

    Times of open load run from when a call was due; `late` is how late the client sent it although a
    connection was free.
    """

    calls: int
    ok: int
    refused: int
    broken: int
    unanswered: int
    connects: int
    first_refused: int
    seconds: float
    bytes: int
    counted: int
    p50_us: float
    p90_us: float
    p99_us: float
    max_us: float
    late_p99_us: float


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a load goes, and the folder for the files that the clients read."""

    port: int
    ask: Ask
    folder: Path


def closed_loop(target: Target, *, connections: int, seconds: float) -> Closed:
    """Keep `connections` calls in flight for so long, with wrk on one thread."""
    script = target.folder / f"wrk-{target.port}.lua"
    script.write_text(_wrk_script(target.ask))
    url = f"http://127.0.0.1:{target.port}{target.ask.path}"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s"]
    output = _run_in_time([*command, "-s", str(script), url], seconds + 90)
    return msgspec.json.decode(output.strip().rpartition("\n")[2], type=Closed)


def open_loop(target: Target, *, rate: float, seconds: float, warm_s: float, connections: int) -> Timed:
    """Make calls at a fixed rate, whatever becomes of them."""
    how = ["open", f"{rate:.3f}", str(seconds), str(warm_s)]
    return msgspec.json.decode(
        _run_in_time(_command(target, connections, how), seconds + warm_s + 60), type=Timed
    )


def counted_calls(target: Target, *, calls: int, connections: int, timeout_s: float) -> Timed | None:
    """Make exactly so many calls; None when they took longer than they may."""
    try:
        output = _run(_command(target, connections, ["closed", str(calls)]), timeout_s)
    except subprocess.TimeoutExpired:
        return None
    return msgspec.json.decode(output, type=Timed)


def _command(target: Target, connections: int, how: list[str]) -> list[str]:
    request = target.folder / f"request-{target.port}.http"
    request.write_bytes(target.ask.raw(target.port))
    client = compiled("load", target.folder)
    return [str(client), str(target.port), str(request), str(connections), *how]


def _run_in_time(command: list[str], timeout_s: float) -> str:
    try:
        return _run(command, timeout_s)
    except subprocess.TimeoutExpired as reason:
        raise LoadFailed(f"{Path(command[0]).name} did not end within {timeout_s:.0f} s") from reason


def _run(command: list[str], timeout_s: float) -> str:
    done = subprocess.run(
        first_in_line(command), capture_output=True, text=True, timeout=timeout_s, check=False
    )
    if done.returncode:
        raise LoadFailed(f"{Path(command[0]).name} failed: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.stdout


def _wrk_script(ask: Ask) -> str:
    lines = ['wrk.method = "POST"', f"wrk.body = {_lua(ask.body.decode())}"]
    lines += [f"wrk.headers[{_lua(name)}] = {_lua(value)}" for name, value in ask.headers.items()]
    return "\n".join(lines) + _DONE


def _lua(text: str) -> str:
    """A Lua string literal; the text is ASCII, so that JSON's escapes other than \\u hold in Lua too."""
    quoted = json.dumps(text)
    assert "\\u" not in quoted
    return quoted
