"""The peers: installed in the cache folder at pinned versions, started as their own documentation says.

Never part of the project's environment, and never given a database: they record nothing while Headgate
records everything. Read next: `servers`.
"""

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from bench.headgate_server import KINDS
from bench.machine import Cores, tree
from bench.npm import npm_installed
from bench.payloads import Kind, chat_body
from bench.serving import JSON_HEADERS, Ask, Serving
from bench.starting import CannotStart, first_in_line, on_free_port, program, wait_for_port
from bench.tensorzero import TENSORZERO, printed_port, tensorzero_command
from bench.upstream import Upstream

LITELLM = "1.106.2"
PORTKEY = "1.15.2"

START_S_MAX = 120.0
MASTER_KEY = "sk-of-the-benchmark"

_TENSORZERO_MODEL = """
[models.chat-{kind}]
routing = ["mock"]

[models.chat-{kind}.providers.mock]
type = "openai"
model_name = "gpt-4o-mini"
api_base = "{base_url}"
api_key_location = "env::OPENAI_API_KEY"
"""

# As installed, the HTTP server under Portkey takes over headers that may not be written, so that Portkey
# answers every stream with 500. One more line makes it take a copy.
_PORTKEY_BROKEN = """\
  constructor(body, init) {
    let headers;
"""
_PORTKEY_MENDED = (
    _PORTKEY_BROKEN
    + "    if (init instanceof GlobalResponse && !(init instanceof _Response)) "
    + "init = { status: init.status, statusText: init.statusText, headers: new Headers(init.headers) };\n"
)


@contextlib.contextmanager
def litellm_serving(upstream: Upstream, cache: Path, where: Cores) -> Generator[Serving]:
    """Run LiteLLM's proxy with a master key, one worker, no database."""
    binary = peer_environment(cache, "litellm", f"litellm[proxy]=={LITELLM}") / "litellm"
    folder = _folder(cache, "litellm")
    models = [
        {
            "model_name": f"chat-{kind}",
            "litellm_params": {
                "model": "openai/gpt-4o-mini",
                "api_base": upstream.base_url(kind),
                "api_key": "sk-of-the-benchmark",
            },
        }
        for kind in KINDS
    ]
    configuration = {"model_list": models, "general_settings": {"master_key": MASTER_KEY}}
    # JSON is YAML.
    (folder / "config.yaml").write_text(json.dumps(configuration))
    command = [str(binary), "--config", str(folder / "config.yaml"), "--host", "127.0.0.1"]
    command += ["--num_workers", "1", "--telemetry", "False", "--port", "{port}"]
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    with on_free_port(lambda port: _listening(command, port, folder, where, environment)) as (port, process):
        yield Serving(
            name="litellm",
            port=port,
            gateway=tree({process.pid}),
            asks=_asks("/v1/chat/completions", "chat-{kind}", {"authorization": f"Bearer {MASTER_KEY}"}),
            version=LITELLM,
        )


@contextlib.contextmanager
def portkey_serving(upstream: Upstream, cache: Path, where: Cores) -> Generator[Serving]:
    """Run Portkey's gateway, told by headers where to go."""
    folder = _folder(cache, "portkey")
    packages = npm_installed(cache.parent / "peers" / "portkey", [f"@portkey-ai/gateway@{PORTKEY}"])
    mended = _mend(packages)
    start = packages / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    command = ["node", str(start), "--port={port}", "--headless"]
    asks: dict[Kind, Ask] = {}
    for kind in KINDS:
        headers = {
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": upstream.base_url(kind),
            "authorization": "Bearer sk-of-the-benchmark",
        }
        asks |= _asks("/v1/chat/completions", "gpt-4o-mini", headers, kinds=(kind,))
    notes = ("streams are measured with one line of its HTTP server mended; as installed they are 500",)
    environment = {"NODE_ENV": "production"}
    with on_free_port(lambda port: _listening(command, port, folder, where, environment)) as (port, process):
        yield Serving(
            name="portkey",
            port=port,
            gateway=tree({process.pid}),
            asks=asks,
            version=PORTKEY,
            notes=notes if mended else (),
        )


@contextlib.contextmanager
def tensorzero_serving(upstream: Upstream, cache: Path, where: Cores) -> Generator[Serving]:
    """Run the HTTP gateway that the wheel `tensorzero` holds, without observability."""
    python = peer_environment(cache, "tensorzero", f"tensorzero=={TENSORZERO}") / "python"
    folder = _folder(cache, "tensorzero")
    configuration = "[gateway]\nobservability.enabled = false\n" + "".join(
        _TENSORZERO_MODEL.format(kind=kind, base_url=upstream.base_url(kind)) for kind in KINDS
    )
    command = tensorzero_command(python, folder, configuration)
    with _program(command, folder, where, {"OPENAI_API_KEY": "sk-of-the-benchmark"}) as process:
        port = printed_port(process, folder / "output.log", START_S_MAX)
        yield Serving(
            name="tensorzero",
            port=port,
            gateway=tree({process.pid}),
            asks=_asks("/openai/v1/chat/completions", "tensorzero::model_name::chat-{kind}", {}),
            version=TENSORZERO,
            notes=("the HTTP gateway inside the wheel, observability off",),
        )


def _asks(
    path: str, model: str, headers: Mapping[str, str], *, kinds: Sequence[Kind] = KINDS
) -> dict[Kind, Ask]:
    return {
        kind: Ask(
            path=path, headers={**JSON_HEADERS, **headers}, body=chat_body(model.format(kind=kind), kind)
        )
        for kind in kinds
    }


def _folder(cache: Path, name: str) -> Path:
    folder = cache / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _program(
    command: Sequence[str], folder: Path, where: Cores, environment: Mapping[str, str]
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    # From its first moment on its one core, so that it makes no more threads than that core can run.
    pinned = first_in_line(["taskset", "-c", str(where.gateway), *command])
    return program(pinned, folder / "output.log", environment=environment, cwd=folder)


@contextlib.contextmanager
def _listening(
    command: Sequence[str], port: int, folder: Path, where: Cores, environment: Mapping[str, str]
) -> Generator[subprocess.Popen[bytes]]:
    filled = [part.replace("{port}", str(port)) for part in command]
    with _program(filled, folder, where, environment) as process:
        wait_for_port(process, port, folder / "output.log", START_S_MAX)
        yield process


def peer_environment(cache: Path, name: str, requirement: str) -> Path:
    """Make a peer's virtual environment unless it has that version, and return its folder of programs."""
    folder = cache.parent / "peers" / name
    binaries, done = folder / "bin", folder / ".installed"
    if done.exists() and done.read_text() == requirement:
        return binaries
    print(f"installing {requirement} ...", file=sys.stderr)
    _install([sys.executable, "-m", "venv", "--clear", str(folder)], requirement)
    pip = [str(binaries / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    _install([*pip, requirement], requirement)
    done.write_text(requirement)
    return binaries


def _install(command: Sequence[str], requirement: str) -> None:
    done = subprocess.run(list(command), capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr + done.stdout)[-2000:]
        raise CannotStart(f"{requirement} could not be installed\n{said}")


def _mend(packages: Path) -> bool:
    mended = False
    for path in (packages / "@hono/node-server/dist").glob("index.*js"):
        text = path.read_text()
        if _PORTKEY_MENDED not in text:
            path.write_text(text.replace(_PORTKEY_BROKEN, _PORTKEY_MENDED))
        mended = mended or _PORTKEY_MENDED in path.read_text()
    return mended
