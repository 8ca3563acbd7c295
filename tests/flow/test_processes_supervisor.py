"""The supervisor as users meet it: a process with workers, killed, hung, drained and orphaned."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0


class Up:
    """A running toy `up`, and what it printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.flow.toy_supervisor", str(folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.banner = ""

    def wait_until_serving(self) -> int:
        """Read the banner up to its line to paste; return the port."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.banner += line
            if "curl" in line:
                break
        found = re.search(r"http://127\.0\.0\.1:(\d+)/v1", self.banner)
        assert found, f"no banner: {self.banner!r}"
        return int(found[1])

    def events(self) -> list[str]:
        path = self.folder / "events"
        return path.read_text().splitlines() if path.exists() else []

    def pids(self, title: str) -> list[int]:
        """All process ids that a worker has had, oldest first."""
        mark = f"{title} started "
        return [int(event.split()[-3]) for event in self.events() if event.startswith(mark)]

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    running = Up(tmp_path / "data")
    yield running
    if running.process.poll() is None:
        running.process.kill()
    running.process.communicate(timeout=PATIENCE_S)


def eventually(what: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < ends, "it did not come about in time"
        time.sleep(0.05)


def ask(port: int, word: str) -> int | None:
    """Send a word to whichever gateway the kernel picks; return the process id that it answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(word.encode() + b"\n")
        try:
            answer = connection.recv(64)
        except ConnectionResetError:
            return None
    return int(answer) if answer else None


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_the_first_start_shows_where_it_is_and_keeps_the_key_private(up: Up) -> None:
    port = up.wait_until_serving()
    assert "hg_toy_0123456789abcdef" in up.banner
    assert f"http://127.0.0.1:{port}/" in up.banner
    key_file = up.folder / "admin.key"
    assert key_file.read_text() == "hg_toy_0123456789abcdef\n"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(up.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((up.folder / "control.sock").stat().st_mode) == 0o600
    assert ask(port, "pid") in {*up.pids("gateway 1"), *up.pids("gateway 2")}


@pytest.mark.skipif(sys.platform != "linux", reason="process titles are read from /proc")
def test_processes_are_named_and_hold_no_secret_in_their_arguments(up: Up) -> None:
    up.wait_until_serving()
    titles = {title: up.pids(title) for title in ("control", "shipper", "gateway 1", "gateway 2")}
    for title, [pid] in {**titles, "up": [up.process.pid]}.items():
        shown = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()
        assert shown == f"headgate {title}"


def test_a_killed_worker_has_a_successor_with_a_new_boot(up: Up) -> None:
    up.wait_until_serving()
    [before] = up.pids("gateway 1")
    os.kill(before, signal.SIGKILL)
    eventually(lambda: len(up.pids("gateway 1")) == 2)
    boots = [event.rsplit(" ", 1)[1] for event in up.events() if event.startswith("gateway 1 started")]
    assert len(set(boots)) == 2
    assert up.end() == 0


def test_a_successor_answers_the_connections_that_waited_for_it(up: Up) -> None:
    port = up.wait_until_serving()
    gateways = {*up.pids("gateway 1"), *up.pids("gateway 2")}
    for pid in gateways:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(alive(pid) for pid in gateways))
    # Both are gone; the sockets are not, so these connect at once and are answered by the successors.
    answers = {ask(port, "pid") for _ in range(4)}
    assert None not in answers
    assert answers.isdisjoint(gateways)


def test_a_hung_worker_is_killed_and_replaced(up: Up) -> None:
    port = up.wait_until_serving()
    hung = ask(port, "hang")
    assert hung is None, "the hung worker never answers; its connection is cut by the kill"
    eventually(lambda: len(up.pids("gateway 1")) + len(up.pids("gateway 2")) == 3)
    assert isinstance(ask(port, "pid"), int)


def test_draining_finishes_what_is_in_flight_gateways_first_and_the_shipper_last(up: Up) -> None:
    port = up.wait_until_serving()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(b"slow\n")
        eventually(lambda: "slow began" in up.events())
        up.process.send_signal(signal.SIGTERM)
        assert int(connection.recv(64)) > 0
    assert up.process.wait(PATIENCE_S) == 0
    drained = [event.removesuffix(" drained") for event in up.events() if event.endswith("drained")]
    assert set(drained[:2]) == {"gateway 1", "gateway 2"}
    assert drained[2:] == ["control", "shipper"]
    assert not (up.folder / "control.sock").exists()


def test_a_second_up_on_the_folder_is_refused_and_names_the_first(up: Up) -> None:
    up.wait_until_serving()
    second = subprocess.run(
        [sys.executable, "-m", "tests.flow.toy_supervisor", str(up.folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert second.returncode == 1
    assert f"process {up.process.pid}" in second.stderr


def test_a_second_signal_ends_at_once(up: Up) -> None:
    port = up.wait_until_serving()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(b"wait for ever")  # no newline: the drain waits for it until its limit
        began = time.monotonic()
        up.process.send_signal(signal.SIGINT)
        eventually(lambda: "gateway 1 drained" in up.events() or "gateway 2 drained" in up.events())
        up.process.send_signal(signal.SIGINT)
        up.process.wait(PATIENCE_S)
    assert time.monotonic() - began < 5.0, "it waited for the drain's limit"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_workers_die_with_their_supervisor(up: Up) -> None:
    up.wait_until_serving()
    workers = [pid for title in ("control", "shipper", "gateway 1", "gateway 2") for pid in up.pids(title)]
    assert all(alive(pid) for pid in workers)
    up.process.kill()
    eventually(lambda: not any(alive(pid) for pid in workers))


def test_a_configuration_that_a_worker_refuses_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "refuse").touch()
    up = Up(tmp_path)
    _, said = up.process.communicate(timeout=PATIENCE_S)
    assert up.process.returncode == 1
    assert "before it served" in said
