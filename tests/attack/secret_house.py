"""A whole Headgate full of canary secrets, driven through success, errors and crashes; and all its sinks.

A sink is any place that a secret could end up in: each is given as its very bytes, with a name.
"""

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
from demo.running import Running, headgate
from tests.flow.scripted_provider import (
    DONE,
    FINISH,
    Reply,
    ScriptedProvider,
    answer,
    completion,
    delta,
    stream,
    whole,
)

from headgate.store.embedded import binary_folder

KEY_LEFT = "sk-proj-"
"""How the keys begin that a team left in its code."""
CANARIES: dict[str, str] = {
    "provider key": "sk-canary-7d1c5e0b9a4f4c6e8b2d",
    "odd provider key": 'cnry"pr\\od+/=&%7Aq~0f9e8d7c6b5a',
    "anthropic key": "canaryanthropic0a1b2c3d4e5f6071",
    "google key": "canarygoogle9f8e7d6c5b4a39281706",
    "key in a file": "canaryfile5566778899aabbccddeeff",
    "admin key": "canaryadmin-00112233445566778899",
    "vault key": "canaryvault-ffeeddccbbaa99887766",
    "client cookie": "canarycookie13579bdf02468ace1357",
    "client header": "canaryheader2468ace013579bdf2468",
    "unrecorded body": "canarybody0f1e2d3c4b5a69788796a5",
    "literal in a file": "canaryliteral7766554433221100ffee",
    "user of a base_url": "canaryuserinfo99aa88bb77cc66dd55",
    "password of a webhook": "canaryhookpass12ab34cd56ef78ab90",
    "first key in code": f"{KEY_LEFT}canaryFirst1a2B3c4D5e6F7a8B9c0D1e2F3a4B",
    "second key in code": f"{KEY_LEFT}canarySecond9f8E7d6C5b4A3f2E1d0C9b8A7f6",
    "key of a call in code": f"{KEY_LEFT}canaryCall0f1E2d3C4b5A6f7E8d9C0b1A2f3E",
}

CONFIG = """
[providers.echo]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/echo/v1"
api_key = "env:CANARY_ECHO"

[providers.odd]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/odd/v1"
api_key = "env:CANARY_ODD"

[providers.filed]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/filed/v1"
api_key = "file:{file}"

[providers.claude]
kind = "anthropic"
base_url = "http://127.0.0.1:{port}/claude/v1"
api_key = "env:CANARY_CLAUDE"

[providers.gemini]
kind = "google"
base_url = "http://127.0.0.1:{port}/gemini/v1beta"
api_key = "env:CANARY_GEMINI"

[models.all]
targets = ["echo/refuses", "odd/refuses", "filed/refuses"]
retry = {{ attempts = 1 }}

[[budgets]]
name = "small"
scope = {{ provider = "echo" }}
limit = "0.0001 USD"
max_cost_per_call = "0.00001 USD"
"""
_ENVIRONMENT = {
    "CANARY_ECHO": "provider key",
    "CANARY_ODD": "odd provider key",
    "CANARY_CLAUDE": "anthropic key",
    "CANARY_GEMINI": "google key",
    "HEADGATE_ADMIN_KEY": "admin key",
    "HEADGATE_VAULT_KEY": "vault key",
}
OWN_KEY = {
    "echo": "provider key",
    "odd": "odd provider key",
    "filed": "key in a file",
    "claude": "anthropic key",
    "gemini": "google key",
}
"""Which canary each provider is given: the only one that it may see."""
HI = [{"role": "user", "content": "hi"}]


class Sinks(msgspec.Struct, frozen=True):
    """Everything that was caught, by the name of its place."""

    caught: dict[str, list[bytes]]

    def add(self, place: str, data: bytes | str) -> None:
        self.caught.setdefault(place, []).append(data if isinstance(data, bytes) else data.encode())


def forms(text: str) -> dict[str, bytes]:
    """Every way in which a secret could be written."""
    raw = text.encode()
    half = len(raw) // 2
    encoded = base64.b64encode(raw)
    return {
        "as it is": raw,
        "base64": encoded.rstrip(b"="),
        "base64 after one byte": base64.b64encode(b"x" + raw)[2:-4],
        "base64 after two bytes": base64.b64encode(b"xx" + raw)[4:-4],
        "base64 for URLs": base64.urlsafe_b64encode(raw).rstrip(b"="),
        "base64 as a bearer": base64.b64encode(b"Bearer " + raw)[12:-4],
        "in a URL": quote(text, safe="").encode(),
        "in JSON": json.dumps(text)[1:-1].encode(),
        "in JSON, in JSON": json.dumps(json.dumps(text))[3:-3].encode(),
        "in hex": raw.hex().encode(),
        "in upper hex": raw.hex().upper().encode(),
        "turned round": raw[::-1],
        "its halves exchanged": raw[half:] + raw[:half],
    }


class SecretHouse:
    """The running Headgate, its providers, and what was caught so far."""

    def __init__(self, running: Running, provider: ScriptedProvider, canaries: dict[str, str]) -> None:
        self.running = running
        self.provider = provider
        self.canaries = canaries
        self.sinks = Sinks({})
        self.admin = httpx.Client(
            base_url=running.url,
            headers={"authorization": f"Bearer {canaries['admin key']}"},
            timeout=30,
            trust_env=False,
        )

    def caught_call(self, path: str, body: Any, headers: dict[str, str], place: str = "answers") -> int:
        """Make a call; keep status line, headers and body of the answer."""
        with httpx.Client(base_url=self.running.url, timeout=30, trust_env=False, verify=False) as client:
            given = client.post(path, json=body, headers=headers)
        self.sinks.add(place, repr(given.headers.raw) + "\n")
        self.sinks.add(place, given.content)
        return given.status_code

    def command(self, *arguments: str, **environment: str) -> tuple[int, bytes]:
        """Run the command line; keep what it writes, and how the process table shows it meanwhile.

        Returns its exit status and what it wrote.
        """
        process = subprocess.Popen(
            [sys.executable, "-m", "headgate.cli.app", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={
                **{name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")},
                "HEADGATE_URL": self.running.url,
                "HEADGATE_KEY": self.canaries["admin key"],
                "NO_COLOR": "1",
                **environment,
            },
            cwd=self.running.folder,
        )
        self.sinks.add("command lines", Path(f"/proc/{process.pid}/cmdline").read_bytes())
        said, _ = process.communicate(timeout=60)
        self.sinks.add("command line output", said)
        return process.returncode, said


@contextlib.contextmanager
def open_secret_house(folder: Path) -> Generator[SecretHouse]:
    canaries = dict(CANARIES)
    file = folder / "key-of-filed"
    file.write_text(canaries["key in a file"] + "\n")
    environment = {name: canaries[canary] for name, canary in _ENVIRONMENT.items()}
    with ScriptedProvider() as provider:
        config = CONFIG.format(port=provider.port, file=file)
        place = folder / "house"
        place.mkdir()
        extra = {"PYTHONASYNCIODEBUG": "1", "PYTHONFAULTHANDLER": "1"}
        with headgate(config, folder=place, environment={**environment, **extra}) as running:
            house = SecretHouse(running, provider, canaries)
            try:
                yield house
            finally:
                house.admin.close()


def echoing(key: str) -> list[tuple[str, Reply]]:
    """Answers that quote the provider's own key, whole, in every place that a client could be shown."""
    told = {
        "error": {"message": f"Incorrect API key provided: {key}", "param": key, "code": key, "type": key}
    }
    shown = completion(f"your key is {key}")
    quoted = json.dumps(key)
    event = b'data: {"error": {"message": ' + quoted.encode() + b"}}\n\n"
    return [
        ("401", answer(told, 401)),
        ("403", answer(told, 403)),
        ("429", answer(told, 429, "retry-after: 1")),
        ("400", answer(told, 400, f"x-request-id: {key}", f"openai-organization: {key}")),
        ("500", (whole(f"<html>{key}</html>".encode(), 500, kind="text/html"),)),
        ("200", answer(shown, 200, f"x-request-id: {key}", f"set-cookie: k={key}", f"x-echo: {key}")),
        ("200-no-json", (whole(f"not json {key}".encode(), 200),)),
        ("stream", stream(delta(f"key {key}"), FINISH, DONE)),
        ("stream-error", stream(delta("hi"), event, DONE)),
        ("stream-first-error", stream(event)),
        ("stream-cut", stream(delta(f"key {key}"), 0.05, "cut", end=False)),
        ("redirect", answer({}, 307, f"location: http://127.0.0.1:1/{quote(key, safe='')}")),
    ]


def drive(house: SecretHouse) -> dict[str, str]:
    """Success, every error that quotes a key, wrong configuration, alerts, revocation, and kills.

    Returns the keys that were made, by what is recorded of their calls.
    """
    keys = _keys(house)
    _calls(house, keys)
    _configuration(house)
    _webhook(house)
    _client_errors(house, keys)
    _crash(house, keys["full"])
    return keys


def _keys(house: SecretHouse) -> dict[str, str]:
    made: dict[str, str] = {}
    for record in ("full", "metadata", "none"):
        found = house.admin.post("/api/v1/keys", json={"name": f"client-{record}", "record": record})
        assert found.status_code == 201, found.text
        made[record] = house.canaries[f"key recording {record}"] = found.json()["key"]
    gone = house.admin.post("/api/v1/keys", json={"name": "revoked"}).json()
    house.canaries["revoked key"] = made["revoked"] = gone["key"]
    assert house.admin.delete(f"/api/v1/keys/{gone['id']}").status_code == 200
    return made


def _calls(house: SecretHouse, keys: dict[str, str]) -> None:
    carried = {
        "authorization": f"Bearer {keys['full']}",
        "cookie": f"session={house.canaries['client cookie']}",
        "x-my-secret": house.canaries["client header"],
        "proxy-authorization": f"Basic {house.canaries['client header']}",
    }
    for provider in ("echo", "odd", "filed"):
        secret = house.canaries[OWN_KEY[provider]]
        for name, reply in echoing(secret):
            house.provider.on(provider, name, reply)
            house.caught_call(
                "/v1/chat/completions",
                {"model": f"{provider}/{name}", "messages": HI, "stream": name.startswith("stream")},
                carried,
            )
        house.provider.on(provider, "refuses", echoing(secret)[0][1])
    assert house.caught_call("/v1/chat/completions", {"model": "all", "messages": HI}, carried) == 502
    body = {"model": "claude/m", "messages": HI, "max_tokens": 5}
    told = {"type": "error", "error": {"type": "e", "message": house.canaries["anthropic key"]}}
    house.provider.on("claude", "m", answer(told, 401))
    house.caught_call("/v1/messages", body, {"x-api-key": keys["full"], "cookie": carried["cookie"]})
    told = {
        "error": {"message": f"API key {house.canaries['google key']} is no good", "status": "X", "code": 400}
    }
    house.provider.on("gemini", "m", answer(told, 400))
    place = "/v1beta/models/gemini%2Fm:generateContent"
    asked = {"contents": [{"parts": [{"text": "hi"}]}]}
    house.caught_call(f"{place}?key={keys['full']}", asked, {})
    house.caught_call(place, asked, {"x-goog-api-key": keys["full"]})
    for record in ("metadata", "none"):
        hidden = [{"role": "user", "content": f"keep {house.canaries['unrecorded body']}"}]
        asked = {"model": "filed/ok", "messages": hidden}
        status = house.caught_call("/v1/chat/completions", asked, {"authorization": f"Bearer {keys[record]}"})
        assert status == 200


def _client_errors(house: SecretHouse, keys: dict[str, str]) -> None:
    """Keys that are refused, in each place, and as a model, a user, a tag and a part of the path."""
    for key in (keys["revoked"], keys["full"][:-2] + "zz"):
        for headers in ({"authorization": f"Bearer {key}"}, {"x-api-key": key}, {"x-goog-api-key": key}):
            asked = {"model": "all", "messages": HI}
            assert house.caught_call("/v1/chat/completions", asked, headers) == 401
        assert house.caught_call(f"/v1beta/models/all:generateContent?key={key}", {}, {}) == 401
    for path in ("/api/v1/keys", "/v1/nothing", "/api/v1/nothing"):
        house.caught_call(
            f"{path}?key={keys['revoked']}", {"x": 1}, {"cookie": house.canaries["client cookie"]}
        )


def _configuration(house: SecretHouse) -> None:
    """Secrets where none may stand are refused, and the refusal shows none of them."""
    literal, user = house.canaries["literal in a file"], house.canaries["user of a base_url"]
    wrong = (
        f'[providers.x]\nkind = "openai"\napi_key = "{literal}"\n',
        f'[providers.x]\nkind = "openai"\napi_key = "env:A"\nbase_url = "https://u:{user}@host.example/v1"\n',
        f'[providers.x]\nkind = "openai"\nheaders = {{ authorization = "Bearer {literal}" }}\n',
        f'[providers.x]\nkind = "openai"\napi_key = {literal}\n',
    )
    file = house.running.folder / "wrong.toml"
    for text in wrong:
        found = house.admin.post("/api/v1/config/plan", json={"toml": text})
        assert found.status_code == 400, found.text
        house.sinks.add("answers", found.content)
        file.write_text(text)
        house.command("plan", "wrong.toml")
        house.command("apply", "wrong.toml", "--json")
    good = house.running.config_path.read_text()
    house.running.config_path.write_text(good + wrong[0])
    time.sleep(2.5)  # the watch reads it, refuses it and says so in the log
    house.running.config_path.write_text(good + "\n# changed\n[models.more]\ntargets = ['filed/ok']\n")
    time.sleep(1.5)
    file.unlink()
    house.running.config_path.write_text(good)


def _webhook(house: SecretHouse) -> None:
    """Alerts leave signed, to a receiver that refuses them, so that deliveries and their errors are kept."""
    word = house.canaries["password of a webhook"]
    refused = house.admin.post("/api/v1/webhooks", json={"url": f"http://u:{word}@127.0.0.1:1/"})
    assert refused.status_code == 400
    house.sinks.add("answers", refused.content)
    house.provider.on("hook", "", answer({"no": "thanks"}, 500))
    made = house.admin.post(
        "/api/v1/webhooks", json={"url": f"http://127.0.0.1:{house.provider.port}/hook/x"}
    )
    house.canaries["webhook secret"] = made.json()["secret"]
    deadline = time.monotonic() + 15
    asked = {"model": "echo/ok", "messages": HI, "max_tokens": 5}
    headers = {"authorization": f"Bearer {house.canaries['key recording full']}"}
    while not house.provider.received("hook", "") and time.monotonic() < deadline:
        house.caught_call("/v1/chat/completions", asked, headers)
        time.sleep(0.05)
    received = house.provider.received("hook", "")
    assert received, "no alert was delivered"
    for each in received:
        house.sinks.add("webhooks", repr(each.headers) + each.target)
        house.sinks.add("webhooks", each.body)


KILLS = (
    ("gateway 1", signal.SIGKILL),
    ("shipper", signal.SIGKILL),
    ("control", signal.SIGSEGV),
    ("gateway 1", signal.SIGABRT),
)


def _crash(house: SecretHouse, key: str) -> None:
    """Workers are killed, and ended by signals that leave a core or a traceback where one is allowed."""
    for role, number in KILLS:
        before = house.running.worker_pids(role)
        for pid in before:
            os.kill(pid, number)
        deadline = time.monotonic() + 30
        while house.running.worker_pids(role) in ([], before) and time.monotonic() < deadline:
            time.sleep(0.1)
    deadline = time.monotonic() + 30
    asked = {"model": "filed/ok", "messages": HI}
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if house.caught_call("/v1/chat/completions", asked, {"authorization": f"Bearer {key}"}) == 200:
                return
        time.sleep(0.3)
    raise AssertionError("no call was served after the crashes")


READ = (
    *("/healthz", "/readyz", "/metrics", "/api/openapi.json", "/", "/api/v1/keys", "/api/v1/audit?limit=500"),
    *("/api/v1/whoami", "/api/v1/budgets", "/api/v1/rate_limits", "/api/v1/leases", "/api/v1/costs"),
    *("/api/v1/requests?limit=500", "/api/v1/alerts", "/api/v1/webhooks", "/api/v1/snapshots"),
    *("/api/v1/providers", "/api/v1/models", "/api/v1/status"),
)
SHOW = (
    ("keys", "list", "--json"),
    ("budgets", "list", "--json"),
    ("requests", "--json"),
    ("costs", "--json"),
    ("providers", "--json"),
    ("providers",),
    ("models", "--json"),
    ("doctor", "--json"),
    ("doctor",),
    ("plan", "headgate.toml"),
    ("apply", "headgate.toml", "--json"),
)


def collect(house: SecretHouse) -> None:
    """Look everywhere: the API, the command line, processes, logs, files, dumps and backups."""
    for path in READ:
        found = house.admin.get(path)
        house.sinks.add("control API", repr(found.headers.raw).encode() + found.content)
    for row in house.admin.get("/api/v1/requests?limit=500").json()["items"]:
        house.sinks.add("control API", house.admin.get(f"/api/v1/requests/{row['id']}").content)
    for row in house.admin.get("/api/v1/snapshots").json()["items"]:
        house.sinks.add("control API", house.admin.get(f"/api/v1/snapshots/{row['id']}").content)
    for arguments in SHOW:
        house.command(*arguments)
    _processes(house)
    _database(house)
    house.command("backup", "--data", str(house.running.folder / "data"), "backup.tar")
    _backup(house, house.running.folder / "backup.tar")


def collect_files(house: SecretHouse) -> None:
    """Once it has ended: the log, every file of the data folder, and whatever else lies beside it."""
    for path in files(house.running.folder):
        place = "log" if path == house.running.log else "files"
        house.sinks.add(place, path.read_bytes())


def files(folder: Path) -> Iterator[Path]:
    """Every file but the backup (which is taken apart) and the keys that are kept in the data folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".key" and path.name != "backup.tar":
            yield path


def _processes(house: SecretHouse) -> None:
    """What `ps` shows to anybody, and what the database's processes were given."""
    server = int(
        (house.running.folder / "data" / "postgres-18" / "postmaster.pid").read_text().split("\n")[0]
    )
    pending, seen = [house.running.process.pid, server], 0
    while pending:
        pid = pending.pop()
        with contextlib.suppress(OSError):
            house.sinks.add("command lines", Path(f"/proc/{pid}/cmdline").read_bytes())
            pending += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            if "postgres" in Path(f"/proc/{pid}/comm").read_text():
                house.sinks.add("environment of the database", Path(f"/proc/{pid}/environ").read_bytes())
            seen += 1
    assert seen > 6


def _database(house: SecretHouse) -> None:
    """All rows, as a dump writes them: bytes in hex, and once more as they are."""
    dumped = _run("pg_dump", "--inserts", house.running.database_url())
    assert b"INSERT INTO public.requests" in dumped
    house.sinks.add("database", dumped)
    for line in dumped.split(b"'"):
        if line.startswith(b"\\x") and len(line) % 2 == 0:
            with contextlib.suppress(ValueError):
                house.sinks.add("database", bytes.fromhex(line[2:].decode()))


def _backup(house: SecretHouse, file: Path) -> None:
    with tarfile.open(file) as archive:
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            data = content.read()
            if member.name.endswith(".key"):
                continue  # without them what was sealed could not be opened again: the backup is private
            if member.name.endswith(".dump"):
                data = _run("pg_restore", "--file=-", given=data)
            house.sinks.add("backup", data)


def _run(command: str, *arguments: str, given: bytes | None = None) -> bytes:
    done = subprocess.run(
        [str(binary_folder() / command), *arguments], input=given, capture_output=True, check=True, timeout=60
    )
    return done.stdout
