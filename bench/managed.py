"""What a managed prompt costs a call: `python -m bench.managed`. Processor time, the least of many runs.

The bar: nothing when a call asks for none, and under 50 µs when one does.
"""

import json
import sys
from typing import Any, Final

import msgspec

from bench.least import least_us
from headgate.core.call import Dialect
from headgate.prompts.managed.checking import NewVersion, checked
from headgate.prompts.managed.model import Engine, ManagedMessage, ManagedPrompt
from headgate.prompts.managed.rendering import render_call

BAR_US: Final = 50.0
DIALECTS: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "anthropic", "google")
SYSTEM = "You help the customers of {{ company }}. Be {{ tone }}, and answer in {{ language }}.\n" * 4
FULL: dict[str, Any] = {
    "model": "mock/small",
    "parameters": {"temperature": 0.2, "max_output": 200, "top_p": 0.9, "stop": ["END"]},
    "tools": ({"name": "look_up", "description": "Finds an order.", "parameters": {"type": "object"}},),
    "response_schema": {"type": "object", "properties": {"answer": {"type": "string"}}},
}
VARIABLES = {"company": "Acme", "tone": "kind", "language": "French", "name": "Ada"}


def prompt(engine: Engine, **more: Any) -> dict[str, ManagedPrompt]:
    """A prompt of two messages, as a gateway holds it."""
    messages = (
        ManagedMessage(role="system", content=SYSTEM),
        ManagedMessage(role="user", content="Greet {{ name }}."),
    )
    version = checked(NewVersion(engine=engine, messages=messages, **more))
    held = msgspec.structs.replace(version, number=1)
    return {"greeting": ManagedPrompt(project="default", name="greeting", versions=(held,))}


def main() -> int:
    """Print what each way costs; 1 where one costs more than the bar."""
    most = 0.0
    reference = {"name": "greeting", "variables": VARIABLES}
    own = {"prompt": reference, "model": "mock/large", "user": "u-1", "stream": True}
    body = json.dumps(own, separators=(",", ":")).encode()  # as the providers' clients write it
    engines: tuple[Engine, ...] = ("mustache", "jinja")
    for engine in engines:
        for title, known in (("messages", prompt(engine)), ("and all else", prompt(engine, **FULL))):
            for dialect in DIALECTS:
                cost = least_us(lambda d=dialect, k=known: render_call(d, body, k))
                most = max(most, cost)
                print(f"{engine:<9} {title:<13} {dialect:<17} {cost:6.1f} µs")
    said = {"model": "mock/large", "messages": [{"role": "user", "content": "x" * 4000}]}
    plain, known = json.dumps(said).encode(), prompt("mustache")
    nothing = least_us(lambda: render_call("anthropic", plain, known))
    print(f"a call of 4 kB that asks for none           {nothing:6.2f} µs")
    return 0 if most < BAR_US else 1


if __name__ == "__main__":
    sys.exit(main())
