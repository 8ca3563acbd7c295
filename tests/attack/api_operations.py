"""What each operation of the control API is for: who may call it, and a good body. Stated, not derived."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

ADMIN = frozenset({"admin"})
PROJECT = ADMIN | {"project_admin"}
READERS = PROJECT | {"viewer"}
ALL = READERS | {"member"}
CALLERS = PROJECT | {"member", "viewer"}

NOBODY = "00000000-0000-7000-8000-000000000000"
"""A place for path parameters: the id of nothing."""
TOML = '[providers.mock]\nkind = "mock"\n\n[models.assistant]\ntargets = ["mock/small"]\n'


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """Who may call an operation (None: anybody, without a key), and a body that is taken."""

    roles: frozenset[str] | None
    body: dict[str, Any] | None = None
    nested: tuple[str, ...] = ()
    """Members of the body that are objects of their own, in which an unknown member is refused, too."""
    asked: str | None = None
    """What is asked for, where an address with NOBODY in it would not do."""
    is_there: bool = True
    """Whether that is there."""


_KEY: dict[str, Any] = {
    "name": "one",
    "budgets": [{"name": "of-one", "limit": "1 USD"}],
    "rate_limits": [{"name": "of-one", "limit": "5 requests"}],
}
_BUDGET: dict[str, Any] = {"name": "one", "limit": "1 USD", "scope": {"provider": "mock"}}
_RATE: dict[str, Any] = {"name": "one", "limit": "5 requests", "scope": {"user": "*"}}

COMMITS = ("0123456789abcdef0123456789abcdef01234567", "89abcdef0123456789abcdef0123456789abcdef")
"""Of two releases that are there."""
VERSION: dict[str, Any] = {
    "engine": "mustache",
    "messages": [{"role": "user", "content": "Say hello to {{who}}."}],
    "model": "assistant",
    "parameters": {"temperature": 0.5, "max_output": 50},
}
RULE: dict[str, Any] = {
    "match": {"project": "default", "model": "assistant", "headers": {"x-team": "one"}},
    "set": {"temperature": 0.1},
    "clamp": {"max_output": {"most": 100}},
    "replace": [{"old": "Say", "new": "Whisper"}],
}
PUSH: dict[str, Any] = {
    "source": "one",
    "templates": [{"parts": ["Say hello to ", {"type": "hole", "name": "who"}]}],
    "commits": {"start": 0, "ids": list(COMMITS), "times": [1_700_000_000, 1_700_000_001]},
    "state": {
        "head": COMMITS[1],
        "versions": [
            {
                "path": "app.py",
                "symbol": "HELLO",
                "version": "bc7bb4e4ccce",
                "kind": "constant",
                "line": 1,
                "first": 0,
                "last": 1,
                "is_newest": True,
            }
        ],
    },
}
RELEASE: dict[str, Any] = {
    "commit": COMMITS[0],
    "prompts": [{"path": "app.py", "symbol": "HELLO", "version": "0" * 12, "text": "Say hello to {who}"}],
    "parameters": [{"path": "app.py", "symbol": "HELLO", "name": "temperature", "value": "0.5"}],
    "tools": [{"path": "app.py", "name": "search", "version": "0" * 12}],
    "dependencies": {"httpx": "0.28.1"},
    "pins": {"assistant": "mock/small"},
}
WHAT_IF: dict[str, Any] = {
    "models": {"assistant": "mock/large"},
    "prices": {"mock/small": {"input": "1", "output": "2"}},
    "rules": [{"name": "shorter", "clamp": {"max_output": {"most": 100}}}],
}
FEEDBACK: dict[str, Any] = {
    "trace_id": "0123456789abcdef" * 2,
    "name": "helpful",
    "value": True,
    "comment": "yes",
}

JUDGE: dict[str, Any] = {
    "name": "helpful",
    "model": "mock/small",
    "rubric": "Does the answer help?",
    "review": {"random": 0.1},
}
CASE: dict[str, Any] = {"case": "one", "content": {"input": "Hello?", "output": "Hello."}}
JUDGED: dict[str, Any] = {**CASE, "marks": [{"value": True, "sure": 0.9}]}

RUN: dict[str, Any] = {
    "name": "one",
    "target": "target",
    "dataset": "cases.jsonl",
    "dataset_digest": "0" * 64,
    "definition": {"name": "one"},
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("get", "/api/v1/keys"): Operation(roles=PROJECT),
    ("post", "/api/v1/keys"): Operation(roles=PROJECT, body=_KEY, nested=("budgets", "rate_limits")),
    ("get", "/api/v1/keys/{key_id}"): Operation(roles=PROJECT),
    ("delete", "/api/v1/keys/{key_id}"): Operation(roles=PROJECT),
    ("post", "/api/v1/keys/{key_id}/rotate"): Operation(roles=PROJECT, body={"earlier_lasts_s": 60}),
    ("get", "/api/v1/roles"): Operation(roles=ALL),
    ("get", "/api/v1/projects"): Operation(roles=PROJECT),
    ("get", "/api/v1/config/file"): Operation(roles=ADMIN),
    ("get", "/api/v1/audit"): Operation(roles=ADMIN),
    ("get", "/api/v1/whoami"): Operation(roles=ALL),
    ("get", "/api/v1/playground"): Operation(roles=PROJECT | {"member"}),
    ("post", "/api/v1/sign-in"): Operation(roles=None, body={"key": "no key of this server"}),
    ("post", "/api/v1/sign-out"): Operation(roles=None),
    ("get", "/api/v1/budgets"): Operation(roles=READERS),
    ("post", "/api/v1/budgets"): Operation(roles=PROJECT, body=_BUDGET, nested=("scope",)),
    ("get", "/api/v1/budgets/{name}"): Operation(roles=READERS),
    ("patch", "/api/v1/budgets/{name}"): Operation(roles=PROJECT, body={"limit": "2 USD"}),
    ("delete", "/api/v1/budgets/{name}"): Operation(roles=PROJECT),
    ("get", "/api/v1/forecasts"): Operation(roles=READERS),
    ("get", "/api/v1/rate_limits"): Operation(roles=READERS),
    ("post", "/api/v1/rate_limits"): Operation(roles=PROJECT, body=_RATE, nested=("scope",)),
    ("get", "/api/v1/rate_limits/{name}"): Operation(roles=READERS),
    ("patch", "/api/v1/rate_limits/{name}"): Operation(roles=PROJECT, body={"limit": "2 requests"}),
    ("delete", "/api/v1/rate_limits/{name}"): Operation(roles=PROJECT),
    ("get", "/api/v1/leases"): Operation(roles=ADMIN),
    ("post", "/api/v1/leases/{boot}/release"): Operation(roles=ADMIN, body={"reason": "the host is gone"}),
    ("get", "/api/v1/requests"): Operation(roles=ALL),
    ("get", "/api/v1/requests/stream"): Operation(roles=ALL),
    ("get", "/api/v1/requests/counts"): Operation(roles=ALL),
    ("get", "/api/v1/requests/facets"): Operation(roles=ALL),
    ("get", "/api/v1/requests/{request_id}"): Operation(roles=ALL),
    ("get", "/api/v1/requests/{request_id}/provenance"): Operation(roles=ALL),
    ("get", "/api/v1/requests/{request_id}/similar"): Operation(roles=ALL),
    ("get", "/api/v1/requests/{request_id}/grounding"): Operation(roles=ALL),
    ("get", "/api/v1/traces"): Operation(roles=ALL),
    ("get", "/api/v1/traces/stream"): Operation(roles=ALL),
    ("get", "/api/v1/traces/facets"): Operation(roles=ALL),
    ("get", "/api/v1/traces/counts"): Operation(roles=ALL),
    ("get", "/api/v1/traces/search"): Operation(roles=ALL, asked="/api/v1/traces/search?text=one"),
    ("get", "/api/v1/traces/export"): Operation(roles=ALL),
    ("get", "/api/v1/traces/{trace_id}/export"): Operation(roles=ALL),
    ("get", "/api/v1/metrics"): Operation(roles=ALL),
    ("get", "/api/v1/metrics/series"): Operation(
        roles=ALL, asked="/api/v1/metrics/series?name=gen_ai.client.token.usage"
    ),
    ("get", "/api/v1/traces/series"): Operation(roles=READERS),
    ("get", "/api/v1/traces/{trace_id}"): Operation(roles=ALL),
    ("get", "/api/v1/traces/{trace_id}/lineage"): Operation(roles=ALL),
    ("get", "/api/v1/traces/{trace_id}/spans"): Operation(roles=ALL),
    ("get", "/api/v1/traces/{trace_id}/spans/{span_id}"): Operation(roles=ALL),
    ("get", "/api/v1/sessions"): Operation(roles=ALL),
    ("get", "/api/v1/sessions/{session}"): Operation(roles=ALL),
    ("get", "/api/v1/costs"): Operation(roles=ALL),
    ("get", "/api/v1/series"): Operation(roles=ALL),
    ("get", "/api/v1/timeline"): Operation(roles=ALL),
    ("get", "/api/v1/alerts"): Operation(roles=READERS),
    ("post", "/api/v1/erasures"): Operation(roles=PROJECT, body={"project": "default", "user": "nobody"}),
    ("get", "/api/v1/erasures"): Operation(roles=PROJECT),
    ("get", "/api/v1/erasures/{erasure_id}"): Operation(roles=PROJECT),
    ("post", "/api/v1/erasures/{erasure_id}/verify"): Operation(roles=PROJECT),
    ("get", "/api/v1/webhooks"): Operation(roles=ADMIN),
    ("post", "/api/v1/webhooks"): Operation(roles=ADMIN, body={"url": "http://127.0.0.1:9/alerts"}),
    ("delete", "/api/v1/webhooks/{webhook_id}"): Operation(roles=ADMIN),
    ("post", "/api/v1/config/plan"): Operation(roles=ADMIN, body={"toml": TOML}),
    ("post", "/api/v1/config/apply"): Operation(roles=ADMIN, body={"toml": TOML, "base": None}),
    ("get", "/api/v1/snapshots"): Operation(roles=ADMIN),
    ("get", "/api/v1/snapshots/history"): Operation(roles=ADMIN),
    ("get", "/api/v1/snapshots/{snapshot_id}"): Operation(roles=ADMIN),
    ("get", "/api/v1/snapshots/{snapshot_id}/changes"): Operation(roles=ADMIN),
    ("post", "/api/v1/snapshots/{snapshot_id}/activate"): Operation(roles=ADMIN, body={"expected": None}),
    ("get", "/api/v1/providers"): Operation(roles=ADMIN),
    ("get", "/api/v1/models"): Operation(roles=CALLERS),
    ("get", "/api/v1/status"): Operation(roles=ADMIN),
    ("get", "/api/v1/prompts"): Operation(roles=ALL),
    ("get", "/api/v1/prompts/unknown"): Operation(roles=READERS),
    ("get", "/api/v1/prompts/outcomes"): Operation(
        roles=READERS, asked="/api/v1/prompts/outcomes?name=greeting"
    ),
    ("get", "/api/v1/prompts/{name}"): Operation(roles=ALL),
    ("post", "/api/v1/prompts/{name}"): Operation(
        roles=PROJECT, body=VERSION, nested=("messages",), asked=f"/api/v1/prompts/{NOBODY}/versions"
    ),
    ("put", "/api/v1/prompts/{name}"): Operation(
        roles=PROJECT, body={"version": 1}, asked=f"/api/v1/prompts/{NOBODY}/labels/production"
    ),
    ("delete", "/api/v1/prompts/{name}"): Operation(roles=PROJECT),
    ("get", "/api/v1/prompts/catalogue"): Operation(roles=ALL),
    ("post", "/api/v1/prompts/catalogue"): Operation(
        roles=PROJECT, body=PUSH, nested=("templates", "commits", "state")
    ),
    ("get", "/api/v1/prompts/catalogue/{source}"): Operation(roles=ALL),
    ("delete", "/api/v1/prompts/catalogue/{source}"): Operation(roles=PROJECT),
    ("get", "/api/v1/experiments"): Operation(roles=READERS),
    ("get", "/api/v1/experiments/{name}"): Operation(roles=READERS),
    ("get", "/api/v1/experiments/{name}/looks"): Operation(roles=READERS),
    ("post", "/api/v1/experiments/{name}/stop"): Operation(roles=ADMIN, body={"arm": "now", "reason": "so"}),
    ("post", "/api/v1/planning"): Operation(roles=READERS, body={"effect": 0.02, "rate": 0.5}),
    ("get", "/api/v1/rollouts"): Operation(roles=ADMIN),
    ("get", "/api/v1/rollouts/{name}"): Operation(roles=ADMIN),
    ("post", "/api/v1/rollouts/{name}/moves"): Operation(roles=ADMIN, body={"action": "hold", "why": "so"}),
    ("get", "/api/v1/datasets"): Operation(roles=ALL),
    ("post", "/api/v1/datasets"): Operation(roles=PROJECT, body={"name": "one"}),
    ("get", "/api/v1/datasets/{name}"): Operation(roles=ALL),
    ("delete", "/api/v1/datasets/{name}"): Operation(roles=PROJECT),
    ("get", "/api/v1/datasets/{name}/cases"): Operation(roles=ALL),
    ("get", "/api/v1/datasets/{name}/sources"): Operation(roles=ALL),
    ("post", "/api/v1/datasets/{name}/cases"): Operation(
        roles=PROJECT, body={"cases": [{"input": "Hello?", "expected": "Hello."}]}
    ),
    ("post", "/api/v1/datasets/{name}/calls"): Operation(roles=PROJECT, body={"model": "assistant"}),
    ("post", "/api/v1/datasets/{name}/traces"): Operation(roles=PROJECT, body={"filters": {"model": "m"}}),
    ("get", "/api/v1/checks/runs"): Operation(roles=ALL),
    ("post", "/api/v1/checks/runs"): Operation(roles=PROJECT | {"member"}, body=RUN),
    ("get", "/api/v1/checks/runs/{run_id}"): Operation(roles=ALL),
    ("delete", "/api/v1/checks/runs/{run_id}"): Operation(roles=PROJECT | {"member"}),
    ("patch", "/api/v1/checks/runs/{run_id}"): Operation(
        roles=PROJECT | {"member"}, body={"verdict": "met", "report": {"sentence": "one passes."}}
    ),
    ("put", "/api/v1/checks/runs/{run_id}/kept"): Operation(roles=PROJECT | {"member"}, body={"kept": True}),
    ("get", "/api/v1/checks/runs/{run_id}/results"): Operation(roles=ALL),
    ("get", "/api/v1/checks/runs/{run_id}/comparison"): Operation(
        roles=ALL, asked=f"/api/v1/checks/runs/{NOBODY}/comparison?against={NOBODY}"
    ),
    ("post", "/api/v1/checks/runs/{run_id}/results"): Operation(
        roles=PROJECT | {"member"},
        body={"results": [{"case": "a", "repeat": 0, "marks": {"right": {"score": 1.0}}}]},
    ),
    ("post", "/api/v1/checks/judgements"): Operation(
        roles=PROJECT | {"member"}, body={"digests": ["0" * 64]}
    ),
    ("get", "/api/v1/judges"): Operation(roles=READERS),
    ("post", "/api/v1/judges"): Operation(roles=PROJECT, body=JUDGE, nested=("review",)),
    ("get", "/api/v1/judges/{name}"): Operation(roles=READERS),
    ("post", "/api/v1/judges/{name}/marks"): Operation(roles=PROJECT, body={"items": [JUDGED]}),
    ("post", "/api/v1/judges/{name}/pairs/find"): Operation(roles=READERS, body={"names": ["one"]}),
    ("post", "/api/v1/judgements"): Operation(
        roles=PROJECT | {"member"}, body={"judge": JUDGE, "items": [JUDGED]}, nested=("judge",)
    ),
    ("get", "/api/v1/judgements/{version}"): Operation(
        roles=ALL, asked="/api/v1/judgements/0123456789abcdef"
    ),
    ("get", "/api/v1/reviews"): Operation(
        roles=READERS, asked="/api/v1/reviews?judge=helpful", is_there=False
    ),
    ("post", "/api/v1/reviews"): Operation(roles=PROJECT, body={"judge": "helpful", "items": [CASE]}),
    ("get", "/api/v1/reviews/next"): Operation(
        roles=READERS, asked="/api/v1/reviews/next?judge=helpful", is_there=False
    ),
    ("get", "/api/v1/reviews/export"): Operation(
        roles=READERS, asked="/api/v1/reviews/export?judge=helpful", is_there=False
    ),
    ("get", "/api/v1/reviews/{review_id}"): Operation(roles=READERS),
    ("post", "/api/v1/reviews/{review_id}/marks"): Operation(roles=READERS, body={"value": True}),
    ("get", "/api/v1/grounding/rules"): Operation(roles=ADMIN),
    ("get", "/api/v1/grounding/studies"): Operation(roles=ALL),
    ("post", "/api/v1/grounding/studies"): Operation(
        roles=PROJECT | {"member"}, body={"definition": {"repeats": 3}}
    ),
    ("get", "/api/v1/grounding/studies/{study_id}"): Operation(
        roles=ALL, asked=f"/api/v1/grounding/studies/{NOBODY}", is_there=False
    ),
    ("post", "/api/v1/grounding/studies/{study_id}/replays"): Operation(
        roles=PROJECT | {"member"},
        body={"calls": []},
        asked=f"/api/v1/grounding/studies/{NOBODY}/replays",
        is_there=False,
    ),
    ("get", "/api/v1/drift/alarms"): Operation(roles=READERS),
    ("get", "/api/v1/drift/alarms/{alarm_id}"): Operation(
        roles=READERS, asked="/api/v1/drift/alarms/1", is_there=False
    ),
    ("post", "/api/v1/drift/alarms/{alarm_id}/acknowledge"): Operation(
        roles=ADMIN, body={"note": "as announced"}, asked="/api/v1/drift/alarms/1/acknowledge", is_there=False
    ),
    ("get", "/api/v1/drift/outdated"): Operation(roles=READERS),
    ("get", "/api/v1/drift/withdrawn"): Operation(roles=READERS),
    ("get", "/api/v1/drift/traffic"): Operation(roles=READERS),
    ("get", "/api/v1/drift/traffic/served"): Operation(roles=ADMIN),
    ("get", "/api/v1/drift/traffic/{watch_id}"): Operation(roles=READERS),
    ("get", "/api/v1/drift/canaries"): Operation(roles=ADMIN),
    ("get", "/api/v1/drift/canaries/{name}"): Operation(roles=ADMIN),
    ("get", "/api/v1/drift/canaries/{name}/signals"): Operation(roles=ADMIN),
    ("post", "/api/v1/drift/canaries/{name}/run"): Operation(roles=ADMIN),
    ("get", "/api/v1/rules"): Operation(roles=READERS),
    ("post", "/api/v1/rules"): Operation(
        roles=PROJECT, body={"name": "one", **RULE}, nested=("match", "replace")
    ),
    ("get", "/api/v1/rules/{name}"): Operation(roles=READERS),
    ("put", "/api/v1/rules/{name}"): Operation(roles=PROJECT, body=RULE, nested=("match", "replace")),
    ("patch", "/api/v1/rules/{name}"): Operation(roles=PROJECT, body=RULE, nested=("match", "replace")),
    ("delete", "/api/v1/rules/{name}"): Operation(roles=PROJECT),
    ("get", "/api/v1/rules/{name}/versions"): Operation(roles=READERS),
    ("post", "/api/v1/rules/test"): Operation(roles=READERS, body={"rule": RULE}, nested=("rule",)),
    ("get", "/api/v1/releases"): Operation(roles=READERS),
    ("post", "/api/v1/releases"): Operation(
        roles=PROJECT, body=RELEASE, nested=("prompts", "parameters", "tools")
    ),
    ("get", "/api/v1/releases/compare"): Operation(
        roles=READERS, asked=f"/api/v1/releases/compare?a={COMMITS[0]}&b={COMMITS[1]}&project=default"
    ),
    ("get", "/api/v1/releases/{release}"): Operation(roles=READERS),
    ("get", "/api/v1/environments"): Operation(roles=READERS),
    ("post", "/api/v1/environments/{name}"): Operation(roles=PROJECT, body={"release": COMMITS[0]}),
    ("post", "/api/v1/environments/{name}/rollback"): Operation(roles=PROJECT, body={"why": "it was wrong"}),
    ("get", "/api/v1/environments/{name}/history"): Operation(roles=READERS),
    ("get", "/api/v1/environments/{name}/status"): Operation(roles=READERS),
    ("post", "/api/v1/whatif"): Operation(roles=READERS, body=WHAT_IF, nested=("rules",)),
    ("post", "/api/v1/whatif/stream"): Operation(roles=READERS, body=WHAT_IF, nested=("rules",)),
    ("get", "/api/v1/feedback"): Operation(roles=ALL),
    ("post", "/api/v1/feedback"): Operation(roles=CALLERS - {"viewer"}, body=FEEDBACK),
    ("post", "/api/v1/feedback/batch"): Operation(roles=CALLERS - {"viewer"}, body={"items": [FEEDBACK]}),
    ("post", "/api/v1/feedback/from/{system}"): Operation(roles=None, is_there=False),
    ("delete", "/api/v1/feedback/{feedback_id}"): Operation(roles=CALLERS - {"viewer"}),
    ("put", "/api/v1/feedback/{feedback_id}"): Operation(roles=CALLERS - {"viewer"}, body={"value": 1}),
    ("get", "/api/v1/feedback/names"): Operation(roles=ALL),
    ("get", "/api/v1/views"): Operation(roles=ALL),
    ("post", "/api/v1/views"): Operation(
        roles=PROJECT, body={"page": "requests", "name": "Failures", "search": {"status": "error"}}
    ),
    ("put", "/api/v1/views/{view_id}"): Operation(roles=PROJECT, body={"name": "All failures"}),
    ("delete", "/api/v1/views/{view_id}"): Operation(roles=PROJECT),
    ("get", "/healthz"): Operation(roles=None),
    ("get", "/readyz"): Operation(roles=None),
    ("get", "/metrics"): Operation(roles=None),
}

_PROMPT = f"/api/v1/prompts/{NOBODY}"
VERBS: tuple[tuple[str, str, Operation], ...] = (
    ("post", f"{_PROMPT}/render", Operation(roles=ALL, body={"variables": {"who": "you"}})),
    ("post", f"{_PROMPT}/labels/production", Operation(roles=PROJECT, body={"version": 1})),
    ("post", f"{_PROMPT}/archive", Operation(roles=PROJECT, body={})),
    ("post", f"{_PROMPT}/unarchive", Operation(roles=PROJECT, body={})),
    ("delete", f"{_PROMPT}/labels/production", Operation(roles=PROJECT)),
)
"""Operations that share a description with another, told apart by how their address ends."""


def places() -> Iterator[tuple[str, str, Operation]]:
    """Method, address and operation of all that can be asked; objects that are named are not there."""
    for (method, template), operation in OPERATIONS.items():
        yield method, operation.asked or re.sub(r"\{\w+\}", NOBODY, template), operation
    yield from VERBS
