"""A Headgate whose traffic is recorded exchanges with real providers, replayed; and texts that mean harm.

Where the recorded exchanges are not there, those that come with Headgate are replayed. Read next:
`console_house`, which has traffic of its own making.
"""

import contextlib
import re
import time
from collections.abc import Generator, Sequence
from typing import Any

import httpx
import msgspec
from demo.running import headgate
from tests.browser.console_house import HOSTILE, House
from tests.browser.house_traces import Tracer, call, said
from tests.flow.scripted_provider import ScriptedProvider
from tests.recorded_exchanges import Exchange, kept_exchanges, recorded_file

from headgate.standins.exchanges import FIXTURES, load_exchanges

DIALECTS = ("openai-chat", "openai-responses", "anthropic-messages", "google-generate")
EACH_MAX = 20
USERS = ("anna", "ben", "chloe")
LONG = "A long line of a long text. " * 180_000
_MODEL = re.compile(r"/models/([^/:?]+)")
_CONFIG = """
[providers.recorded]
kind = "replay"
price_provider = "openai"
file = "{file}"

[providers.mock]
kind = "mock"

[models.plain]
targets = ["mock/small"]

[[budgets]]
name = "everything"
limit = "500 USD"
window = "month"
max_cost_per_call = "1 USD"
"""


@contextlib.contextmanager
def recorded_house() -> Generator[House]:
    """Run a Headgate that has answered recorded calls."""
    chosen = _chosen(exchanges_at_hand())
    models = sorted({_model(each) for each in chosen})
    names = {model: f"recorded-{place}" for place, model in enumerate(models)}
    file = recorded_file() if kept_exchanges() else FIXTURES
    config = _CONFIG.format(file=file) + "".join(
        f'\n[models.{name}]\ntargets = ["recorded/{model}"]\n' for model, name in names.items()
    )
    with ScriptedProvider() as provider, headgate(config) as running:
        house = House(running, provider)
        for place, exchange in enumerate(chosen):
            _replay(house, exchange, names[_model(exchange)], place)
        _harm(house)
        running.wait_for_requests(len(chosen), timeout_s=60)
        yield house


def exchanges_at_hand() -> Sequence[Exchange]:
    """Every recorded exchange, or those that come with Headgate."""
    kept = kept_exchanges()
    if kept:
        return kept
    fields = [msgspec.structs.asdict(each) for each in load_exchanges(FIXTURES)]
    return [msgspec.convert(each, Exchange) for each in fields]


def _chosen(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Some of each dialect: those that failed and those that were streamed first."""
    found: list[Exchange] = []
    for dialect in DIALECTS:
        of_it = [each for each in exchanges if each.dialect == dialect and each.route and _model(each)]
        of_it.sort(key=lambda each: (each.status == 200, not each.stream, each.id))
        step = max(1, len(of_it) // EACH_MAX)
        found += of_it[::step][:EACH_MAX]
    return found


def _model(exchange: Exchange) -> str:
    named = _MODEL.search(exchange.path)
    model = named.group(1) if named else str(exchange.request.get("model", ""))
    return model if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", model) else ""


def _replay(house: House, exchange: Exchange, name: str, place: int) -> None:
    headers = {
        "authorization": f"Bearer {house.key}",
        "x-headgate-user": USERS[place % len(USERS)],
        "x-headgate-session": f"conversation {place // 4}",
    }
    body = dict(exchange.request)
    path = {
        "openai-chat": "/v1/chat/completions",
        "openai-responses": "/v1/responses",
        "anthropic-messages": "/v1/messages",
    }.get(exchange.dialect, "")
    if path:
        body["model"] = name
    else:
        path = "/v1beta" + _MODEL.sub(f"/models/{name}", exchange.path[exchange.path.index("/models/") :])
    answer = httpx.post(house.running.url + path, json=body, headers=headers, timeout=60, trust_env=False)
    house.ids.setdefault(f"{exchange.dialect} {answer.status_code}", answer.headers["x-headgate-request-id"])
    house.ids[f"recorded {place}"] = answer.headers["x-headgate-request-id"]


def _harm(house: House) -> None:
    """Texts that mean harm, wherever a page shows what somebody wrote."""
    session = "s <script>window.hacked=4</script>"
    tool = {
        "id": "c1",
        "type": "function",
        "function": {"name": "find", "arguments": f'{{"q": "{LONG[:50]}"}}'},
    }
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": HOSTILE},
        {"role": "user", "content": HOSTILE},
        {"role": "assistant", "content": None, "tool_calls": [tool]},
        {"role": "tool", "tool_call_id": "c1", "content": HOSTILE + LONG},
    ]
    house.call("harm", "plain", messages, user="<img src=x onerror=window.hacked=5>")
    version: dict[str, Any] = {"engine": "mustache", "model": "plain"}
    for text in (HOSTILE, HOSTILE + " changed"):
        body = {**version, "messages": [{"role": "system", "content": text}]}
        answer = house.running.api.post("/prompts/harm/versions", json=body)
        assert answer.status_code == 201, answer.text
    trace = Tracer(HOSTILE[:120], begin_ms=int(time.time() * 1000))
    root = trace.step(trace.name, 0, 900, {"user.id": "<b>mallory</b>", "session.id": session})
    given, answered = [said("user", HOSTILE)], [said("assistant", HOSTILE + LONG[:400_000])]
    attributes = call("<i>model</i>", given, answered, tokens=(9, 9))
    trace.step("chat <script>window.hacked=6</script>", 100, 700, attributes, above=root)
    trace.send(house.running.url, house.key)
    house.ids |= {"harmful trace": trace.id, "harmful session": session}
