"""What an experiment or a rollout's shadows cost a call on the data plane, before its answer.

`python -m bench.experiments` prints microseconds a call, the least of many rounds: without any, with one that
the call is not in, with one whose arm it is in. The bar is 20 where one runs, and nothing where none does.
"""

import sys
from typing import Final

from bench.least import least_us
from headgate.access.model import Key
from headgate.config.compile import compile_file
from headgate.config.secrets import Secrets
from headgate.core.identity import IdentitySource
from headgate.gateway.call import Call
from headgate.gateway.plane import Current
from headgate.gateway.steps import stand
from headgate.gateway.trials import trials_of
from headgate.rollouts.model import Standing
from headgate.store.clock import SystemClock
from headgate.wire.reading import read_call
from headgate.wire.routes import match

BAR_US: Final = 20.0
NOTHING_US: Final = 0.5
"""What one test of a field may come to, on a machine that others use."""

MODELS: Final = """
[providers.mock]
kind = "mock"

[models.assistant]
targets = ["mock/small", "mock/large"]
"""
EXPERIMENT: Final = """
[[experiments]]
name = "{name}"
alias = "{alias}"
traffic = {traffic}
arms = [{{ name = "now", share = 1 }}, {{ name = "new", share = 1, targets = ["mock/tiny"] }}]
metrics = [{{ name = "solved", kind = "event" }}]
"""
ROLLOUT: Final = """
[[rollouts]]
name = "tiny"
alias = "{alias}"
targets = ["mock/tiny"]
shadow = {{ share = {share} }}
guardrails = [{{ name = "errors", measure = "errors", margin = "0.1" }}]
"""
CASES: Final = {
    "no experiment": "",
    "one on another alias": '[models.other]\ntargets = ["mock/small"]\n'
    + EXPERIMENT.format(name="tiny", alias="other", traffic="[0.0, 1.0]"),
    "one of whose traffic it is not": EXPERIMENT.format(
        name="tiny", alias="assistant", traffic="[0.0, 0.0000001]"
    ),
    "one whose arm it is in": EXPERIMENT.format(name="tiny", alias="assistant", traffic="[0.0, 1.0]"),
    "one whose arm has parameters": EXPERIMENT.format(
        name="tiny", alias="assistant", traffic="[0.0, 1.0]"
    ).replace('targets = ["mock/tiny"]', "set = { temperature = 0.2 }"),
    "the last of eight": "".join(
        EXPERIMENT.format(
            name=f"e{place}", alias="assistant", traffic=f"[{place / 1e6}, {(place + 1) / 1e6}]"
        )
        for place in range(7)
    )
    + EXPERIMENT.format(name="last", alias="assistant", traffic="[0.1, 1.0]"),
    "shadows on another alias": '[models.other]\ntargets = ["mock/small"]\n'
    + ROLLOUT.format(alias="other", share=1.0),
    "shadows of others than it": ROLLOUT.format(alias="assistant", share=1e-9),
    "a shadow of it": ROLLOUT.format(alias="assistant", share=1.0),
}
FREE: Final = ("one on another alias", "shadows on another alias")


def call_of(toml: str) -> Call:
    """A call as it comes to `stand`, of a key that has a user."""
    snapshot = compile_file(MODELS + toml)
    standings = {each.version: Standing(version=each.version, stage=0) for each in snapshot.rollouts}
    trials = trials_of(snapshot, bytes(range(32)), (), standings)
    current = Current(snapshot, Secrets.resolve(snapshot, {}), (), (), trials=trials)
    route = match("POST", "/v1/chat/completions")
    assert route is not None
    clock = SystemClock()
    call = Call(IdentitySource(clock).next_bytes(clock.now_ms()), route, current, snapshot, 0, 0.0)
    call.key = Key(id="k1", project="default", name="k1", digest=b"", role="member", user="ann-17")
    call.facts = read_call(
        route, [], b'{"model": "assistant", "messages": [{"role": "user", "content": "hi"}]}'
    )
    return call


def main() -> int:
    """Print the table; 1 where an experiment costs more than the bar."""
    calls = {name: call_of(toml) for name, toml in CASES.items()}
    asked = {name: call.facts for name, call in calls.items()}
    for call in calls.values():
        stand(call)
    assert calls["one whose arm it is in"].exposures
    assert calls["the last of eight"].exposures
    assert calls["a shadow of it"].pair is not None
    assert calls["shadows of others than it"].pair is None

    def again(name: str) -> None:
        call = calls[name]
        call.facts, call.overrides = asked[name], ()  # what an arm changed, it changes anew
        stand(call)

    took = {name: least_us(lambda name=name: again(name)) for name in calls}
    plain_us = took["no experiment"]
    for name, took_us in took.items():
        print(f"{took_us:7.2f} us  {took_us - plain_us:+6.2f}  {name}")
    is_free = max(took[name] for name in FREE) - plain_us < NOTHING_US
    return 0 if max(took.values()) - plain_us < BAR_US and is_free else 1


if __name__ == "__main__":
    sys.exit(main())
