"""The servers that the benchmark knows, by name: nginx as a plain proxy, Headgate, and peers.

Each starts on a free port, with its gateway process alone on its core. Read next: `headgate_server`, `peers`.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from bench.headgate_server import KINDS, headgate_serving, headgate_uvicorn_serving
from bench.machine import Cores, pin, tree
from bench.payloads import STREAMS, Kind, chat_body
from bench.peers import litellm_serving, portkey_serving, tensorzero_serving
from bench.serving import JSON_HEADERS, Ask, Serving
from bench.starting import on_free_port
from bench.upstream import Upstream, nginx

Start = Callable[[Upstream, Path, Cores], AbstractContextManager[Serving]]

_PROXY = """\
  upstream json {{ server 127.0.0.1:{json_port}; keepalive 512; keepalive_requests 1000000000; }}
  upstream streams {{ server 127.0.0.1:{stream_port}; keepalive 512; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_read_timeout 600s;
    location / {{ proxy_pass http://json; }}
    location ~ ^/(whole|event|paced)/ {{ proxy_pass http://streams; proxy_buffering off; }}
  }}
"""


@contextlib.contextmanager
def nginx_serving(upstream: Upstream, cache: Path, where: Cores) -> Generator[Serving]:
    """Run nginx as a plain proxy with kept connections: what the kernel and good C need for a call."""
    ports = {"json_port": upstream.json_port, "stream_port": upstream.stream_port}
    with on_free_port(lambda port: nginx(cache / "nginx", _PROXY.format(port=port, **ports), port)) as (
        port,
        process,
    ):
        pids = tree({process.pid})
        pin(pids, {where.gateway})
        yield Serving(name="nginx", port=port, gateway=pids, asks=_plain_asks(), version=_nginx_version())


def direct(upstream: Upstream) -> Serving:
    """The upstreams themselves, without anything between: what `added` is added to."""
    ports: dict[Kind, int] = dict.fromkeys(STREAMS, upstream.stream_port)
    return Serving(
        name="direct", port=upstream.json_port, ports=ports, gateway=frozenset(), asks=_plain_asks()
    )


def _plain_asks() -> Mapping[Kind, Ask]:
    return {
        kind: Ask(
            path="/v1/chat/completions" if kind == "json" else f"/{kind}/v1/chat/completions",
            headers={**JSON_HEADERS, "authorization": "Bearer sk-of-the-benchmark"},
            body=chat_body("gpt-4o-mini", kind),
        )
        for kind in KINDS
    }


def _nginx_version() -> str:
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    said = subprocess.run([binary, "-v"], capture_output=True, text=True, check=False).stderr
    return said.strip().rpartition("/")[2]


SERVERS: Mapping[str, Start] = {
    "nginx": nginx_serving,
    "headgate": headgate_serving,
    "headgate-uvicorn": headgate_uvicorn_serving,
    "litellm": litellm_serving,
    "portkey": portkey_serving,
    "tensorzero": tensorzero_serving,
}
