"""Experiments through a real gateway: who is served by what, what stands on the record, who can't choose."""

import time
from collections.abc import Generator, Mapping
from typing import Any

import httpx
import psycopg
import pytest
from demo.running import Running, headgate
from tests.flow.scripted_provider import PROVIDERS, ScriptedProvider, error

CONFIG = (
    PROVIDERS
    + """
[projects.silent]
record = "none"

[projects.eu]
regions = ["eu"]
"""
)
ALIAS = """
[models.{name}]
targets = ["a/{name}"]
retry = {{ attempts = 1 }}

[[experiments]]
name = "{name}"
alias = "{name}"
unit = "{unit}"
arms = [
    {{ name = "now", share = 1 }},
    {{ name = "new", share = 1, targets = ["b/{name}", "a/{name}-spare"] }},
]
metrics = [{{ name = "solved", kind = "event" }}]
"""
UNITS = {"by-user": "user", "by-session": "session", "fails": "user", "stops": "user", "closed": "user"}
SERVED = {"now": "a", "new": "b"}


class Trial:
    """A running Headgate with experiments, in front of scripted providers."""

    def __init__(self, running: Running, provider: ScriptedProvider) -> None:
        self.running = running
        self.provider = provider

    def ask(self, model: str, key: str, headers: Mapping[str, str] = {}, **fields: Any) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **fields}
        return httpx.post(
            f"{self.running.url}/v1/chat/completions",
            json=body,
            headers={"authorization": f"Bearer {key}", **headers},
            timeout=20,
            trust_env=False,
            verify=False,
        )

    def detail(self, given: httpx.Response) -> dict[str, Any]:
        """The record of a call, as soon as it is there."""
        return self.wait(f"/requests/{given.headers['x-headgate-request-id']}")

    def exposures(self, given: httpx.Response) -> list[dict[str, Any]]:
        return self.detail(given)["exposures"]

    def wait(self, path: str) -> Any:
        deadline = time.monotonic() + 15
        while True:
            found = self.running.api.get(path)
            if found.status_code == 200:
                return found.json()
            assert time.monotonic() < deadline, found.text
            time.sleep(0.1)

    def rows(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.running.database_url(), autocommit=True) as connection:
            return connection.execute(sql.encode(), values).fetchall()


@pytest.fixture(scope="module")
def trial() -> Generator[Trial]:
    with ScriptedProvider() as provider:
        config = CONFIG.format(port=provider.port)
        config += "".join(ALIAS.format(name=name, unit=unit) for name, unit in UNITS.items())
        with headgate(config) as running:
            yield Trial(running, provider)


def in_both_arms(trial: Trial, model: str) -> dict[str, tuple[str, httpx.Response]]:
    """A user in each arm, by the provider that serves it, with its first call."""
    found: dict[str, tuple[str, httpx.Response]] = {}
    key = trial.running.make_key(f"{model}-both", may_assert=True)
    for number in range(64):
        given = trial.ask(model, key, user=f"{model}-{number}")
        provider = given.headers["x-headgate-target"].partition("/")[0]
        found.setdefault(provider, (f"{model}-{number}", given))
        if len(found) == 2:
            return found
    raise AssertionError("64 users are all in one arm")


def test_a_user_is_served_by_its_arm_at_each_call_and_its_record_says_so(trial: Trial) -> None:
    key = trial.running.make_key("sticky", may_assert=True)
    both = in_both_arms(trial, "by-user")
    for arm, provider in SERVED.items():
        user, first = both[provider]
        for _ in range(3):
            assert trial.ask("by-user", key, user=user).headers["x-headgate-target"] == f"{provider}/by-user"
        (exposure,) = trial.exposures(first)
        version = exposure.pop("version")
        assert exposure == {"experiment": "by-user", "arm": arm, "unit": user, "by": "user"}
        deadline = time.monotonic() + 15
        while True:
            found = trial.rows(
                "select arm, calls, crossed from experiment_units where version = %s and unit = %s",
                version,
                user,
            )
            if found == [(arm, 4, 0)]:
                break
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        assert "headgate-arm" not in str(first.headers)


def test_a_fallback_counts_for_its_arm_and_the_record_says_what_served(trial: Trial) -> None:
    trial.provider.on("b", "fails", error(500))
    user, first = in_both_arms_of_targets(trial)
    shown = trial.detail(first)
    assert (shown["target"], [each["target"] for each in shown["attempts"]]) == (
        "a/fails-spare",
        ["b/fails", "a/fails-spare"],
    )
    (exposure,) = shown["exposures"]
    assert (exposure["arm"], exposure["unit"]) == ("new", user)


def in_both_arms_of_targets(trial: Trial) -> tuple[str, httpx.Response]:
    """A user whom the second arm's spare target has served."""
    key = trial.running.make_key("fails-both", may_assert=True)
    for number in range(64):
        given = trial.ask("fails", key, user=f"fails-{number}")
        if given.headers["x-headgate-target"] == "a/fails-spare":
            return f"fails-{number}", given
    raise AssertionError("nobody of 64 users is in the second arm")


def test_a_call_whose_unit_is_unknown_is_in_no_arm_and_its_record_says_so(trial: Trial) -> None:
    key = trial.running.make_key("nobody")
    given = trial.ask("by-user", key)
    assert given.headers["x-headgate-target"] == "a/by-user"
    (exposure,) = trial.exposures(given)
    assert exposure.keys() == {"experiment", "version", "by"}
    deadline = time.monotonic() + 15
    while not trial.rows(
        "select calls from experiment_strays where version = %s and calls > 0", exposure["version"]
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_session_keeps_its_arm_whoever_asks(trial: Trial) -> None:
    key, other = trial.running.make_key("talks"), trial.running.make_key("talks-too")
    seen: set[str] = set()
    for number in range(64):
        session = {"x-headgate-session": f"s-{number}"}
        one, two = (
            trial.ask("by-session", each, session).headers["x-headgate-target"] for each in (key, other)
        )
        assert one == two
        seen.add(one)
    assert seen == {"a/by-session", "b/by-session"}


def test_a_caller_can_not_choose_its_arm(trial: Trial) -> None:
    """An attack: one key that has a user tries every way there is to say who or where it would like to be."""
    key = trial.running.make_key("eager", user="eager")
    first = trial.ask("by-user", key)
    own = first.headers["x-headgate-target"]
    (exposure,) = trial.exposures(first)
    wish = "now" if exposure["arm"] == "new" else "new"
    for number in range(16):
        headers = {
            "x-headgate-user": f"other-{number}",
            "x-headgate-arm": wish,
            "x-headgate-experiment": f"by-user={wish}",
            "x-headgate-session": f"s-{number}",
            "x-headgate-tags": f"arm:{wish}",
            "x-headgate-release": wish,
            "traceparent": f"00-{number + 1:032x}-{1:016x}-01",
        }
        fields: dict[str, Any] = {
            "user": f"other-{number}",
            "safety_identifier": f"other-{number}",
            "metadata": {"user_id": f"other-{number}", "arm": wish},
        }
        given = trial.ask("by-user", key, headers, **fields)
        assert given.headers["x-headgate-target"] == own
        assert [each["arm"] for each in trial.exposures(given)] == [exposure["arm"]]


def test_who_may_not_be_served_by_every_arm_takes_no_part(trial: Trial) -> None:
    """Decided before the arm, so that the arms stay comparable: b is in no region of this project."""
    key = trial.running.make_key("european", project="eu", may_assert=True)
    for number in range(8):
        given = trial.ask("closed", key, user=f"eu-{number}")
        assert given.headers["x-headgate-target"] == "a/closed"
        assert trial.exposures(given) == []


def test_a_project_that_records_nothing_takes_no_part(trial: Trial) -> None:
    key = trial.running.make_key("silent", project="silent", may_assert=True)
    targets = {
        trial.ask("closed", key, user=f"u-{number}").headers["x-headgate-target"] for number in range(16)
    }
    assert targets == {"a/closed"}
