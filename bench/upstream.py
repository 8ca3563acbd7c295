"""What stands in for the provider: nginx with a static JSON answer, and our own source of event streams.

Both count the connections that reach them, so that a gateway which reconnects in silence shows. Never the
bottleneck on purpose: their own limit is measured as `direct`. Read next: `payloads`.
"""

import contextlib
import re
import shutil
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.machine import tree
from bench.payloads import PACE_MS, Kind, json_answer, stream_events
from bench.starting import compiled, first_in_line, on_free_port, program, wait_for_port

_NGINX = """\
worker_processes 1;
daemon off;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  client_body_buffer_size 128k;
{http}
}}
"""

_ANSWERING = """\
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /counts {{ stub_status; }}
    location / {{ default_type application/json; return 200 '{answer}'; }}
  }}
"""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Connections accepted and answers begun so far, by both upstreams together."""

    connections: int
    answers: int


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """The two upstreams, by their ports and processes."""

    json_port: int
    stream_port: int
    pids: frozenset[int]

    def port(self, kind: Kind) -> int:
        """Where calls of a kind are answered."""
        return self.json_port if kind == "json" else self.stream_port

    def base_url(self, kind: Kind) -> str:
        """What a gateway is told as the provider's address."""
        return f"http://127.0.0.1:{self.port(kind)}{'' if kind == 'json' else f'/{kind}'}/v1"

    def counts(self) -> Counts:
        """Ask both; each time that takes one connection to either."""
        plain = httpx.get(f"http://127.0.0.1:{self.json_port}/counts", trust_env=False).text
        numbers = re.search(r"requests\n\s*(\d+) (\d+) (\d+)", plain)
        assert numbers is not None, plain
        streamed = httpx.get(f"http://127.0.0.1:{self.stream_port}/counts", trust_env=False).json()
        return Counts(
            connections=int(numbers[1]) + int(streamed["accepted"]),
            answers=int(numbers[3]) + int(streamed["streams"]),
        )


@contextlib.contextmanager
def nginx(folder: Path, http: str, port: int) -> Generator[subprocess.Popen[bytes]]:
    """Run an nginx of one worker with a piece of configuration of its `http` block."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, http=http))
    log = folder / "nginx.log"
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    command = [binary, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(configuration)]
    with program(first_in_line(command), log) as process:
        wait_for_port(process, port, log)
        yield process


@contextlib.contextmanager
def event_source(folder: Path, cache: Path) -> Generator[tuple[int, subprocess.Popen[bytes]]]:
    """Run the source of event streams; yields its port and process."""
    folder.mkdir(parents=True, exist_ok=True)
    events = folder / "events.txt"
    events.write_bytes(stream_events())
    source = compiled("event_source", cache)
    with on_free_port(lambda port: _event_source(source, port, events)) as started:
        yield started


@contextlib.contextmanager
def _event_source(source: Path, port: int, events: Path) -> Generator[subprocess.Popen[bytes]]:
    log = events.parent / "event_source.log"
    command = [str(source), str(port), str(events), str(PACE_MS)]
    with program(first_in_line(command), log) as process:
        wait_for_port(process, port, log)
        yield process


@contextlib.contextmanager
def upstream(folder: Path, cache: Path) -> Generator[Upstream]:
    """Run both upstreams."""
    with contextlib.ExitStack() as stack:
        answer = json_answer().decode().replace("'", "")
        answering = on_free_port(
            lambda port: nginx(folder / "upstream", _ANSWERING.format(port=port, answer=answer), port)
        )
        port, plain = stack.enter_context(answering)
        stream_port, source = stack.enter_context(event_source(folder / "source", cache))
        pids = tree((plain.pid, source.pid))
        yield Upstream(json_port=port, stream_port=stream_port, pids=pids)
