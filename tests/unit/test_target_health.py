"""What several gateways say of a target is put together to the worst of it."""

from headgate.api.targets import merged
from headgate.config.http import Health


def test_the_worst_state_wins_and_a_provider_is_as_bad_as_its_worst_target() -> None:
    one = {"openai/a": Health(state="closed", latency_ms=100.0, calls_in_flight=2)}
    other = {
        "openai/a": Health(state="open", latency_ms=300.0, calls_in_flight=1),
        "openai/b": Health(state="closed", latency_ms=None, calls_in_flight=0),
    }
    known = merged([one, other])
    assert known["openai/a"] == Health(state="open", latency_ms=200.0, calls_in_flight=3)
    assert known["openai/b"] == Health(state="closed", latency_ms=None, calls_in_flight=0)
    assert known["openai"].state == "open"
    assert merged([]) == {}
