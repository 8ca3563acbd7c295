"""Runs a guide as a reader would: its files are written, its commands run, and what it shows is compared.

Fenced blocks count in order. A first line `# NAME.EXT` makes a block a file; `toml refused` is one that a
running server has to refuse. In `console` blocks a line that begins with `$ ` is a command, what follows is
what it prints, `^C` ends the server, `...` stands for anything. A `python` block without a name is run.
Ids, keys, times and durations are masked on both sides; the port and the key of a guide are put in place.
"""

import datetime
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import httpx

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "127.0.0.1:4400"
COMMAND_S_MAX = 90.0
START_S_MAX = 60.0
EDGE_S = 180.0
SEEN_S_MAX = 5.0

_FENCE = re.compile(r"^```(?P<kind>\w*)(?P<more>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r"# (?P<name>[\w.-]+\.(?:toml|py|yaml|json))\n")
_READS = re.compile(
    r"^headgate (?:\w+ (?:list|show|search|unknown)|requests|costs|providers|models|doctor)\b"
    r"|^curl .*/metrics"
)
_PORT = re.compile(r"127\.0\.0\.1:44(\d\d)")
_MASKS = (
    (re.compile(r"hg_[0-9a-z]{12}_[0-9A-Za-z]{39}"), "KEY"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)?"), "TIME"),
    (re.compile(r"\b\d+ ms\b|\b\d+\.\d s\b"), "TOOK"),
    (re.compile(r"\bkey (?=[0-9a-z]{12} )[0-9a-z]{12}"), "key KEYID"),
    (re.compile(r"\b[0-9a-f]{32,64}\b"), "DIGEST"),
)


class Block(NamedTuple):
    """A fenced block of a guide: `more` is what stands after its kind."""

    kind: str
    more: str
    text: str
    line: int


class Step(NamedTuple):
    """One command of a console block, and the lines that it is said to print."""

    command: str
    shown: list[str]


def blocks_of(text: str) -> Iterator[Block]:
    """The fenced blocks of a guide, in order."""
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(found["kind"], found["more"].strip(), found["text"], line)


def steps_of(block: Block) -> Iterator[Step]:
    """The commands of a console block with what each prints; `^C` stands as a command."""
    step: Step | None = None
    for line in block.text.splitlines():
        if line.startswith("$ ") or line == "^C":
            if step is not None:
                yield step
            step = Step(line.removeprefix("$ "), [])
        else:
            assert step is not None, f"line {block.line}: output before any command"
            step.shown.append(line)
    if step is not None:
        yield step


def free_port() -> int:
    """A port below those that the kernel hands out by itself, so that nobody takes it meanwhile."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def matches(shown: list[str], printed: list[str]) -> bool:
    """Whether printed lines are those that a guide shows, where `...` stands for anything."""
    if not shown:
        return not printed
    if shown[0] == "...":
        return any(matches(shown[1:], printed[skipped:]) for skipped in range(len(printed) + 1))
    if not printed:
        return False
    pattern = ".*".join(re.escape(part) for part in shown[0].split("..."))
    return re.fullmatch(pattern, printed[0]) is not None and matches(shown[1:], printed[1:])


def near_a_months_end() -> bool:
    """Whether a window of a month would end within the next minutes."""
    now = datetime.datetime.now(datetime.UTC)
    return (now + datetime.timedelta(seconds=EDGE_S)).month != now.month


class Server:
    """A `headgate up` of a guide, with what it has printed."""

    def __init__(self, command: str, folder: Path, environment: Mapping[str, str]) -> None:
        self.printed: list[str] = []
        self.log = folder / "headgate.log"
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._up = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._up.wait(START_S_MAX) or not any("Try it" in line for line in self.printed):
            self.stop()
            raise AssertionError(f"`{command}` did not start:\n{self.log.read_text()[-3000:]}")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.printed.append(line.rstrip("\n"))
            if "/v1/chat/completions" in line:
                self._up.set()
        self._up.set()

    def stop(self) -> int:
        """End it as Ctrl-C does."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait(timeout=10)
        finally:
            self._reader.join(timeout=10)
            if self._process.stdout is not None:
                self._process.stdout.close()


class GuideRun:
    """One run of one guide in a folder of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.outputs: dict[str, str] = {}
        """What each command has printed, unmasked, by its text."""
        self._ports: dict[str, int] = {}
        self._servers: dict[str, Server] = {}
        self._key: str | None = None
        self._total = near_a_months_end()
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.upper().endswith(("_API_KEY", "_PROXY")) and not name.startswith("HEADGATE_")
        }
        self._environment = {
            **kept,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HEADGATE_URL": f"http://{self._real(ADDRESS)}",
            "NO_COLOR": "1",
            **(environment or {}),
        }
        (folder / "exports").write_text("")

    def close(self) -> None:
        """End all servers that still run."""
        for server in self._servers.values():
            server.stop()

    def run(self, text: str) -> None:
        """Run every block of a guide."""
        for block in blocks_of(text):
            name = _FILE_NAME.match(block.text)
            if name is not None:
                self._write(name["name"], block)
            elif block.kind == "console":
                for step in steps_of(block):
                    self._step(step, block)
            elif block.kind == "python":
                self._write("block.py", block)
                self._check(Step("python block.py", ["..."]), block)
            else:
                assert block.kind in ("", "text"), f"line {block.line}: nothing runs a {block.kind} block"

    def _real(self, text: str) -> str:
        def port(found: re.Match[str]) -> str:
            return f"127.0.0.1:{self._ports.setdefault('44' + found[1], free_port())}"

        text = _PORT.sub(port, text)
        text = re.sub(r"--port 44(\d\d)", lambda found: f"--port {self._port('44' + found[1])}", text)
        if "hg_..." in text:
            text = text.replace("hg_...", self._any_key())
        return text.replace('window = "month"', 'window = "total"') if self._total else text

    def _port(self, named: str) -> int:
        return self._ports.setdefault(named, free_port())

    def _any_key(self) -> str:
        """A key for what a guide shows as `hg_...`."""
        if self._key is None:
            self._key = self._shell("headgate keys create any 2>/dev/null").strip()
        return self._key

    def _write(self, name: str, block: Block) -> None:
        server = self._servers.get("4400")
        if server is None or name != "headgate.toml":
            (self.folder / name).write_text(self._real(block.text))
            return
        told = "configuration refused" if block.more == "refused" else "read from headgate.toml"
        before = server.log.read_text().count(told)
        (self.folder / name).write_text(self._real(block.text))
        deadline = time.monotonic() + 15
        while server.log.read_text().count(told) <= before:
            assert time.monotonic() < deadline, f"line {block.line}: not {told}: {server.log.read_text()}"
            time.sleep(0.05)
        # Gateways take a snapshot within their poll's quarter of a second.
        time.sleep(0.6)

    def _step(self, step: Step, block: Block) -> None:
        words = shlex.split(step.command.replace("^C", "stop"))
        if words[0] == "stop":
            assert self._servers.popitem()[1].stop() == 0
        elif words[0] == "make":
            assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text(), step.command
            if words[1] == "run":
                self._serve("headgate up", step, block)
        elif words[:2] == ["headgate", "up"] or ("headgate" in words and "up" in words):
            self._serve(step.command, step, block)
        else:
            self._check(step, block)

    def _serve(self, command: str, step: Step, block: Block) -> None:
        named = re.search(r"--port (44\d\d)", command)
        name = named[1] if named else "4400"
        full = self._real(command) if named else f"{command} --port {self._port(name)}"
        server = self._servers[name] = Server(full, self.folder, self._environment)
        httpx.get(f"http://127.0.0.1:{self._port(name)}/healthz", trust_env=False).raise_for_status()
        self._compare(step, "\n".join(server.printed), block)

    def _check(self, step: Step, block: Block) -> None:
        printed = self._shell(self._real(step.command))
        # Records and sums are up to a second behind; whoever reads them looks again.
        deadline = time.monotonic() + SEEN_S_MAX
        while _READS.search(step.command) and time.monotonic() < deadline and not self._agrees(step, printed):
            time.sleep(0.2)
            printed = self._shell(self._real(step.command))
        self.outputs[step.command] = printed
        self._compare(step, printed, block)

    def _agrees(self, step: Step, printed: str) -> bool:
        return matches(self._masked("\n".join(step.shown)), self._masked(printed))

    def _shell(self, command: str) -> str:
        """Run a command as in one long-lived shell: what it exports, the next ones see."""
        script = f". ./exports\n{command}\nstatus=$?\nexport -p > ./exports\nexit $status\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_S_MAX,
            check=False,
        )
        return done.stdout

    def _masked(self, text: str) -> list[str]:
        for named, port in self._ports.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{named}")
        text = text.replace(f"{self.folder}/", "").replace("hg_...", "KEY")
        for pattern, mask in _MASKS:
            text = pattern.sub(mask, text)
        if self._total:
            text = text.replace("month", "total").replace("TIME file", "- file")
        lines = [" ".join(line.split()) for line in text.splitlines()]
        return [line for line in lines if line]

    def _compare(self, step: Step, printed: str, block: Block) -> None:
        shown, found = self._masked("\n".join(step.shown)), self._masked(printed)
        if not step.shown and step.command.split()[0] in ("export", "make"):
            return
        log = self.folder / "headgate.log"
        assert matches(shown, found), (
            f"line {block.line}: `{step.command}` shows\n  "
            + "\n  ".join(shown)
            + "\nbut printed\n  "
            + "\n  ".join(found)
            + f"\n{log.read_text()[-1500:] if log.exists() else ''}"
        )
