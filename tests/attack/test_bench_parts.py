"""The benchmark's own parts: its stream source, its load client, and how it starts and ends programs.

Installs no peer and measures nothing; a figure is only as good as these. Read next: `test_bench_table`.
"""

import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import httpx
import msgspec
import pytest
from bench.loads import Target, Timed, closed_loop, counted_calls, open_loop
from bench.machine import cpu_s, tree
from bench.payloads import STREAMS, chat_body, json_answer, stream_events
from bench.serving import Ask, Serving
from bench.starting import CannotStart, PortTaken, compiled, free_port, on_free_port, program, wait_for_port
from bench.upstream import event_source

POST = Ask(path="/v1/chat/completions", headers={"content-type": "application/json"}, body=b"{}")


@pytest.fixture(scope="module", autouse=True)
def _compiler() -> None:
    if shutil.which("gcc") is None:
        if os.environ.get("HEADGATE_PRIVILEGED") == "required":
            pytest.fail("gcc is not installed, and here everything must run")
        pytest.skip("gcc is not installed")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what the bench compiles."""
    return tmp_path_factory.mktemp("programs")


# ---- what is asked and answered


def test_a_stream_is_61_events_of_which_the_last_is_the_terminator() -> None:
    events = stream_events().decode().split("\n\n")
    assert events.pop() == ""
    assert len(events) == 61
    assert events[-1] == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
    assert chunks[-1]["usage"]["completion_tokens"] > 0
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    assert 250 < len(stream_events()) / 61 < 350


def test_bodies_are_as_large_as_the_table_says() -> None:
    assert 600 < len(json_answer()) < 760
    for kind in ("json", *STREAMS):
        body = chat_body("gpt-4o-mini", kind)
        assert 850 < len(body) < 1100
        assert json.loads(body).get("stream", False) == (kind != "json")


# ---- the source of event streams


@pytest.fixture(scope="module")
def source(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[int]:
    with event_source(tmp_path_factory.mktemp("source"), programs) as (port, _):
        yield port


def chunks_of(port: int, kind: str, *, calls: int = 1) -> list[list[bytes]]:
    """The chunks of answers that come one after the other on one connection."""
    ask = dataclasses.replace(POST, path=f"/{kind}/v1/chat/completions").raw(port)
    answers: list[list[bytes]] = []
    with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as connection:
        reader = connection.makefile("rb")
        for _ in range(calls):
            connection.sendall(ask)
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += reader.readline()
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"content-type: text/event-stream\r\n" in head
            chunks: list[bytes] = []
            while size := int(reader.readline(), 16):
                chunks.append(reader.read(size))
                assert reader.readline() == b"\r\n"
            assert reader.readline() == b"\r\n"
            answers.append(chunks)
    return answers


@pytest.mark.parametrize(("kind", "pieces"), [("whole", 1), ("event", 61), ("paced", 61)])
def test_the_source_sends_each_event_as_it_is_asked_to(source: int, kind: str, pieces: int) -> None:
    for chunks in chunks_of(source, kind, calls=2):
        assert b"".join(chunks) == stream_events()
        assert len(chunks) == pieces


def test_paced_events_are_apart(source: int) -> None:
    begun = time.monotonic()
    chunks_of(source, "paced")
    assert time.monotonic() - begun > 0.59
    took_s: list[float] = []
    for _ in range(10):
        begun = time.monotonic()
        chunks_of(source, "event")
        took_s.append(time.monotonic() - begun)
    assert min(took_s) < 0.59


def test_the_source_counts_connections_and_streams(source: int) -> None:
    def counts() -> tuple[int, int]:
        answer = httpx.get(f"http://127.0.0.1:{source}/counts", trust_env=False).json()
        return answer["accepted"], answer["streams"]

    accepted, streams = counts()
    chunks_of(source, "event", calls=3)
    chunks_of(source, "whole", calls=2)
    # Asking is a connection of its own.
    assert counts() == (accepted + 3, streams + 5)


def test_many_streams_at_once_all_arrive(source: int) -> None:
    wanted, arrived = 32, list[bytes]()

    def take() -> None:
        arrived.append(b"".join(chunks_of(source, "paced")[0]))

    threads = [threading.Thread(target=take) for _ in range(wanted)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert arrived == [stream_events()] * wanted


# ---- the load client

Answer = Callable[[int], bytes]
"""Takes the number of the call and returns raw bytes; the connection is closed after an empty answer."""


@contextmanager
def scripted(answer: Answer) -> Generator[int]:
    """A server of one thread a connection that answers call after call as it is told."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    number = iter(range(10**9))
    lock = threading.Lock()
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with closing(connection), connection.makefile("rb") as reader:
            while line := reader.readline():
                while line not in (b"\r\n", b""):
                    line = reader.readline()
                reader.read(len(POST.body))
                with lock:
                    said = answer(next(number))
                if said:
                    connection.sendall(said)
                if not said or b"connection: close" in said:
                    connection.shutdown(socket.SHUT_RDWR)
                    return

    def listen() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(connection,)))
            threads[-1].start()

    accepting = threading.Thread(target=listen)
    accepting.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for thread in threads:
            thread.join()


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n1A\r\n"
    + b"z" * 26
    + b"\r\n0\r\n\r\n"
)
EMPTY = b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"
REFUSED = b"HTTP/1.1 429 Too Many\r\ncontent-length: 3\r\n\r\nno!"
LAST = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end"


def counted(port: int, programs: Path, calls: int, connections: int = 4) -> Timed:
    target = Target(port=port, ask=POST, folder=programs)
    timed = counted_calls(target, calls=calls, connections=connections, timeout_s=60)
    assert timed is not None
    return timed


def test_the_client_tells_answers_apart(programs: Path) -> None:
    turns = (OK, CHUNKED, EMPTY, REFUSED, LAST, b"")
    with scripted(lambda number: turns[number % len(turns)]) as port:
        timed = counted(port, programs, calls=60)
    assert (timed.calls, timed.ok, timed.refused, timed.broken) == (60, 40, 10, 10)
    assert timed.unanswered == 0
    assert timed.first_refused == 429
    assert timed.connects == 4 + 20
    assert timed.counted == 40


def test_the_client_does_not_reconnect_without_need(programs: Path) -> None:
    with scripted(lambda _: CHUNKED) as port:
        timed = counted(port, programs, calls=500)
    assert (timed.ok, timed.connects) == (500, 4)


def test_a_fixed_rate_is_kept_and_the_warm_calls_are_not_counted(programs: Path) -> None:
    with scripted(lambda _: OK) as port:
        target = Target(port=port, ask=POST, folder=programs)
        timed = open_loop(target, rate=100, seconds=1.5, warm_s=0.5, connections=4)
    assert (timed.calls, timed.ok, timed.counted) == (200, 200, 150)
    assert timed.seconds > 1.95


def test_calls_that_wait_behind_a_stall_are_charged_for_it(programs: Path) -> None:
    def stall_once(number: int) -> bytes:
        if number == 20:
            time.sleep(1)
        return OK

    with scripted(stall_once) as port:
        target = Target(port=port, ask=POST, folder=programs)
        timed = open_loop(target, rate=100, seconds=2, warm_s=0, connections=1)
    # Half of all calls were due during the stall. A client that waits its turn would count one slow call.
    assert timed.ok == 200
    assert timed.p90_us > 500_000
    assert timed.max_us > 950_000
    # That is the server's doing. The client had no free connection to send them on.
    assert timed.late_p99_us < 300_000


def test_a_client_that_sends_late_says_so(programs: Path) -> None:
    request = programs / "late.http"
    with scripted(lambda _: OK) as port:
        request.write_bytes(POST.raw(port))
        command = [str(compiled("load", programs)), str(port), str(request), "4", "open", "100", "2", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
            time.sleep(0.5)
            client.send_signal(signal.SIGSTOP)
            time.sleep(0.8)
            client.send_signal(signal.SIGCONT)
            said, _ = client.communicate(timeout=60)
    assert msgspec.json.decode(said, type=Timed).late_p99_us > 500_000


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_wrk_reports_what_it_saw(source: int, programs: Path) -> None:
    ask = dataclasses.replace(POST, path="/whole/v1/chat/completions", body=chat_body("m", "whole"))
    closed = closed_loop(Target(port=source, ask=ask, folder=programs), connections=4, seconds=1)
    assert closed.calls > 50
    assert closed.bytes > closed.calls * len(stream_events())
    assert (closed.broken, closed.refused) == (0, 0)


# ---- processes


def test_processor_time_is_that_of_the_process() -> None:
    spin = "import time\nwhile time.process_time() < 0.5: pass\nprint('done', flush=True)\ntime.sleep(60)"
    with subprocess.Popen(["python3", "-c", spin], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        spent = cpu_s({process.pid})
        process.kill()
    assert 0.45 < spent < 0.8


def test_a_program_ends_with_its_children(tmp_path: Path) -> None:
    log = tmp_path / "program.log"
    with program(["sh", "-c", "sleep 60 & sleep 60"], log) as process:
        deadline = time.monotonic() + 20
        while len(pids := tree({process.pid})) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(pids) == 3
    deadline = time.monotonic() + 20
    while any(_runs(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [pid for pid in pids if _runs(pid)]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_parts_do_not_overlap() -> None:
    own = os.getpid()
    with subprocess.Popen(["sleep", "60"]) as child:
        serving = Serving(
            name="x",
            port=1,
            gateway=frozenset({child.pid}),
            asks={},
            parts={"control": frozenset({own}), "shipper": frozenset()},
        )
        assert own in serving.part("control")
        assert child.pid not in serving.part("control")
        assert {own, child.pid} <= serving.everything()
        child.kill()


def test_a_server_that_does_not_come_up_is_said_so(tmp_path: Path) -> None:
    assert compiled("load", tmp_path).exists()
    with (
        program(["sh", "-c", "echo no configuration; exit 3"], tmp_path / "toy" / "output.log") as process,
        pytest.raises(CannotStart, match=r"toy did not start.*\s*no configuration"),
    ):
        wait_for_port(process, free_port(), tmp_path / "toy" / "output.log")


@contextmanager
def listening(programs: Path, folder: Path, port: int) -> Generator[subprocess.Popen[bytes]]:
    """The source of event streams on a port that need not be free."""
    events = folder / "events.txt"
    events.write_bytes(stream_events())
    log = folder / "output.log"
    with program([str(compiled("event_source", programs)), str(port), str(events), "10"], log) as process:
        wait_for_port(process, port, log)
        yield process


def test_another_port_is_taken_when_someone_was_faster(programs: Path, tmp_path: Path) -> None:
    faster: list[socket.socket] = []

    def start(port: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
        if not faster:
            faster.append(socket.create_server(("127.0.0.1", port)))
        return listening(programs, tmp_path, port)

    with on_free_port(start) as (port, _):
        assert port != faster[0].getsockname()[1]
        assert httpx.get(f"http://127.0.0.1:{port}/counts", trust_env=False).status_code == 200
    faster[0].close()


def test_what_answers_on_a_port_must_be_the_process_that_was_started(programs: Path, tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(PortTaken),
        listening(programs, tmp_path, int(other.getsockname()[1])),
    ):
        pytest.fail("another listens there")
