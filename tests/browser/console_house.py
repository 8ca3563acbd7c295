"""A whole Headgate with traffic to look at: a day of calls on record, and some made just now.

The day is written as the shipper writes; the calls of now go through a gateway, over stand-in providers, one
of which speaks another dialect than the caller. Start one by hand: `python -m tests.browser.console_house`.
"""

import contextlib
import json
import random
import sys
import time
from collections.abc import Generator, Iterator
from typing import Any

import httpx
from demo.running import Running, headgate
from tests.attack.api_operations import PUSH, RELEASE
from tests.browser.house_spend import use_up, write, write_earlier_days
from tests.browser.house_traces import Tracer, send_traces
from tests.contract.made_entries import make_attempt
from tests.flow.scripted_provider import ScriptedProvider, answer, completion, error
from tests.recorded_exchanges import kept_exchanges

from headgate.core.call import Usage
from headgate.core.entries import End, Excluded
from headgate.core.money import parse_usd

CONFIG = """
[providers.mock]
kind = "mock"
output_tokens = 60

[providers.shaky]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/shaky/v1"

[providers.claude]
kind = "anthropic"
base_url = "http://127.0.0.1:{port}/claude/v1"
api_key = "env:STANDIN_SECRET"

[prices."mock/small"]
input = "0.4"
output = "1.6"
max_output = 1000
context_window = 2000000

[prices."claude/sonnet"]
input = "3"
output = "15"
max_output = 1000
context_window = 200000

[prices."shaky/large"]
input = "2"
output = "8"
max_output = 1000
context_window = 200000

[prices."mock/judge"]
input = "0.4"
output = "1.6"
max_output = 1000
context_window = 200000

[models.assistant]
targets = ["mock/small"]

[models.writer]
targets = ["claude/sonnet"]
translation = "lenient"

[models.careful]
targets = ["shaky/large", "mock/small"]
retry = {{ attempts = 1, backoff = "1ms" }}

[models.abroad]
targets = ["shaky/large"]

[projects.clinic]
regions = ["eu"]

[[budgets]]
name = "tiny"
scope = {{ user = "spender" }}
limit = "0.000001 USD"
window = "day"
"""

MARKDOWN = """# A plan

1. **Measure** what happens, with `headgate costs`.
2. Then *change* one thing.

| model | cost |
|---|---|
| small | $0.40 |
| large | $2.00 |

```python
print("hello")
```

> Nothing is shown that can't be opened: [the guide](https://example.com/guide).
"""

HOSTILE = (
    "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
    "[click](javascript:window.hacked=3) ![pixel](http://203.0.113.7/pixel.png) "
    "\x1b[31mred\x1b[0m \u202egnp.exe\u202c zero\u200bwidth \u0007bell <b>bold</b> &lt;b&gt;"
)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="

CLAUDE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "sonnet",
    "content": [
        {"type": "thinking", "thinking": "The plan has three parts.", "signature": "c2VhbA=="},
        {"type": "text", "text": MARKDOWN},
    ],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 420, "output_tokens": 180, "cache_read_input_tokens": 256},
}
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather of a place.",
            "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
        },
    }
]

GREETING = """You greet {{who}}.

Be short.
Never be rude.
Say the name once."""
PUSHED: dict[str, Any] = {
    **PUSH,
    "source": "shop",
    "state": {
        **PUSH["state"],
        "versions": [{**PUSH["state"]["versions"][0], "path": "shop/prompts.py", "symbol": "HELLO"}],
    },
}

MODELS = (
    ("assistant", "mock/small", 0.5, 700),
    ("writer", "claude/sonnet", 0.3, 2400),
    ("careful", "shaky/large", 0.15, 1300),
    ("embedder", "mock/embed", 0.05, 60),
)
ENDS = (
    *((200, ""), (429, "rate_limited"), (402, "budget_exhausted")),
    *((502, "provider_error"), (400, "invalid_request")),
)
DAY_S = 24 * 3600


class House:
    """A Headgate that runs, with what was made of it."""

    def __init__(self, running: Running, provider: ScriptedProvider) -> None:
        self.running = running
        self.provider = provider
        self.key = running.make_key("console", may_assert=True)
        self.ids: dict[str, str] = {}

    def apply(self, more: str) -> None:
        """Put the house's own configuration and more in force; the file stays as it is."""
        self.put_in_force(self.running.config_path.read_text(encoding="utf-8") + more)

    def put_in_force(self, text: str) -> None:
        """Put a whole configuration in force; the file stays as it is."""
        base = self.running.get("/status")["snapshot"]
        answer = self.running.api.post("/config/apply", json={"toml": text, "base": base})
        assert answer.status_code == 200, answer.text

    def call(self, name: str, model: str, content: str | list[dict[str, Any]], **more: Any) -> httpx.Response:
        """Make a chat call and remember its id under a name."""
        headers = {"authorization": f"Bearer {self.key}", **more.pop("headers", {})}
        messages = [{"role": "user", "content": content}] if isinstance(content, str) else content
        body: dict[str, Any] = {"model": model, "messages": messages, **more}
        found = httpx.post(
            f"{self.running.url}/v1/chat/completions",
            json=body,
            headers=headers,
            timeout=60,
            trust_env=False,
        )
        self.ids[name] = found.headers["x-headgate-request-id"]
        return found


@contextlib.contextmanager
def console_house() -> Generator[House]:
    """Run a Headgate with a day of traffic."""
    with ScriptedProvider() as provider:
        _scripts(provider)
        config = CONFIG.format(port=provider.port)
        with headgate(config, environment={"STANDIN_SECRET": "a secret of stand-ins"}) as running:
            house = House(running, provider)
            write(running, list(_day()))
            write_earlier_days(running)
            _prompts(house)
            _changes(house)
            _live(house)
            _traces(house)
            yield house


def _scripts(provider: ScriptedProvider) -> None:
    provider.on("claude", "sonnet", answer(CLAUDE))
    provider.on("shaky", "large", error(503, "overloaded"), answer(completion("It works now.")))


def _day(calls: int = 3000) -> Iterator[End]:
    """A day of calls, as it might have been: fewer at night, slower at its end, some that failed."""
    source = random.Random(7)
    now_ms = int(time.time() * 1000)
    for _ in range(calls):
        age_s = source.random() * DAY_S
        name, target, _, typical = source.choices(MODELS, [each[2] for each in MODELS])[0]
        slow = 2.2 if name == "writer" and age_s < DAY_S / 5 else 1.0
        duration = max(4, int(typical * slow * source.lognormvariate(0, 0.45)))
        status, code = source.choices(ENDS, (93, 2.4, 1.2, 2.2, 1.2))[0]
        tried, excludes = status in (200, 502), source.random() < 0.1
        started = now_ms - int(age_s * 1000)
        tokens = Usage(
            input=source.randint(80, 4000) if status == 200 else 0,
            cache_read=source.choice((0, 0, 1024)) if status == 200 else 0,
            output=source.randint(10, 600) if status == 200 else 0,
        )
        cost = parse_usd(f"{tokens.input * 4e-7 + tokens.output * 1.6e-6:.9f}")
        attempt = make_attempt(
            target=target,
            status=status,
            code=code,
            started_ms=started + 2,
            duration_ms=duration - 3,
            reserved_pico_usd=2 * cost,
            cost_pico_usd=cost,
            charged_pico_usd=cost,
            usage=tokens,
        )
        yield End(
            call=id_at(started, source),
            started_ms=started,
            duration_ms=duration,
            first_token_ms=int(duration * 0.3) if status == 200 else None,
            project=source.choice(("default", "default", "support")),
            key=source.choice(("k-web", "k-batch")),
            user=source.choice(("anna", "ben", "chloe", "")),
            session="",
            tags=(source.choice(("team:search", "team:mail")),),
            dialect="openai-chat",
            operation="chat",
            stream=source.random() < 0.4,
            model=name,
            target=target if tried else "",
            status=status,
            code=code,
            message="" if status == 200 else "it was refused",
            attempts=(attempt,) if tried else (),
            excluded=(Excluded("claude/sonnet", "its region is not allowed"),) if excludes else (),
            changes=(),
            snapshot="abc",
            release="",
            trace_id="",
            usage=tokens,
            cost_pico_usd=None if name == "embedder" else cost,
            estimated=source.random() < 0.05,
            truncated=False,
        )


def id_at(started_ms: int, source: random.Random) -> bytes:
    """Return an id of the time order that calls have."""
    whole = started_ms << 80 | 0x7 << 76 | source.getrandbits(12) << 64 | 0b10 << 62 | source.getrandbits(62)
    return whole.to_bytes(16, "big")


def _prompts(house: House) -> None:
    """A managed prompt with two versions, and one of a repository with two."""
    api = house.running.api
    for text in (GREETING, GREETING.replace("short", "long").replace("rude", "too polite")):
        version = {
            "engine": "mustache",
            "messages": [{"role": "system", "content": text}],
            "model": "assistant",
        }
        answer = api.post("/prompts/greeting/versions", json=version)
        assert answer.status_code == 201, answer.text
    assert api.put("/prompts/greeting/labels/production", json={"version": 1}).status_code == 200
    answer = api.post("/prompts/catalogue", json=PUSHED)
    assert answer.status_code in (200, 201), answer.text


def _changes(house: House) -> None:
    """A release put in force, a rule, and another configuration: what charts mark."""
    api = house.running.api
    made = api.post("/releases", json=RELEASE)
    assert made.status_code in (200, 201), made.text
    for path, body in (
        ("/environments/production", {"release": made.json()["id"]}),
        ("/rules", {"name": "calm", "match": {"model": "nobody-asks"}, "set": {"temperature": 0.1}}),
    ):
        answer = api.post(path, json=body)
        assert answer.status_code in (200, 201), answer.text


def _live(house: House) -> None:
    """Calls of each kind, through the gateway."""
    house.call("plain", "assistant", "Say hello.", user="anna")
    house.call("markdown", "writer", "Write a plan.", logit_bias={"1": 1}, seed=7, user="ben", n=1)
    house.call("fallback", "careful", "Is it there?")
    house.call("hostile", "assistant", HOSTILE, user="mallory<script>")
    house.call("long", "assistant", "A long text, line by line.\n" * 200_000)
    house.call(
        "tools",
        "assistant",
        [
            {"role": "system", "content": "You know the weather."},
            {"role": "user", "content": "How is it in Oslo?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": json.dumps({"place": "Oslo"})},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": json.dumps({"degrees": 4, "sky": "clear"})},
        ],
        tools=TOOLS,
    )
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    house.call(
        "picture",
        "assistant",
        [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, picture]}],
    )
    greeting = {"name": "greeting", "variables": {"who": "Ada Lovelace"}}
    house.call("greeting", "assistant", "Good morning!", prompt=greeting, user="anna")
    use_up(house.running)
    house.call("fallen-back", "careful", "Is it there without the dear one?", user="ben")
    house.call("refused", "assistant", "Too dear.", user="spender")
    house.call("unknown", "no-such-model", "Anybody there?")
    key = house.running.get("/keys")["items"][0]["id"]
    assert len(house.running.wait_for_requests(11, timeout_s=60, key=key)) == 11


def _traces(house: House) -> None:
    """Traces of applications, one of which calls through the gateway; waits until they can be searched."""
    trace = Tracer("ask through the gateway", begin_ms=int(time.time() * 1000))
    root = trace.step(trace.name, 0, 900, {"gen_ai.operation.name": "invoke_agent", "user.id": "chloe"})
    above = {"traceparent": f"00-{trace.id}-{root}-01"}
    house.call("traced", "assistant", "Say hello to the trace.", headers=above)
    trace.send(house.running.url, house.key)
    house.ids |= send_traces(house.running.url, house.key, kept_exchanges())
    deadline = time.monotonic() + 60
    while not house.running.get("/traces/search", text="settles what it did cost")["items"]:
        assert time.monotonic() < deadline, "the traces can't be searched"
        time.sleep(0.2)


def main() -> None:
    """Run until interrupted."""
    with console_house() as house:
        sys.stdout.write(f"{house.running.url} {house.running.admin_key}\n{json.dumps(house.ids)}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(2)
                house.call("again", "assistant", "And again.", user="anna")


if __name__ == "__main__":
    main()
