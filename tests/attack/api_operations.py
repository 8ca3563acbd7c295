"""What each operation of the control API is for: who may call it, and a good body. Stated, not derived."""

from typing import Any

import msgspec

ADMIN = frozenset({"admin"})
PROJECT = ADMIN | {"project_admin"}
READERS = PROJECT | {"viewer"}
ALL = READERS | {"member"}
CALLERS = PROJECT | {"member", "viewer"}

TOML = '[providers.mock]\nkind = "mock"\n\n[models.assistant]\ntargets = ["mock/small"]\n'


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """Who may call an operation (None: anybody, without a key), and a body that is taken."""

    roles: frozenset[str] | None
    body: dict[str, Any] | None = None
    nested: tuple[str, ...] = ()
    """Members of the body that are objects of their own, in which an unknown member is refused, too."""


_KEY: dict[str, Any] = {
    "name": "one",
    "budgets": [{"name": "of-one", "limit": "1 USD"}],
    "rate_limits": [{"name": "of-one", "limit": "5 requests"}],
}
_BUDGET: dict[str, Any] = {"name": "one", "limit": "1 USD", "scope": {"provider": "mock"}}
_RATE: dict[str, Any] = {"name": "one", "limit": "5 requests", "scope": {"user": "*"}}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("get", "/api/v1/keys"): Operation(roles=PROJECT),
    ("post", "/api/v1/keys"): Operation(roles=PROJECT, body=_KEY, nested=("budgets", "rate_limits")),
    ("get", "/api/v1/keys/{key_id}"): Operation(roles=PROJECT),
    ("delete", "/api/v1/keys/{key_id}"): Operation(roles=PROJECT),
    ("get", "/api/v1/audit"): Operation(roles=ADMIN),
    ("get", "/api/v1/whoami"): Operation(roles=ALL),
    ("get", "/api/v1/budgets"): Operation(roles=READERS),
    ("post", "/api/v1/budgets"): Operation(roles=PROJECT, body=_BUDGET, nested=("scope",)),
    ("get", "/api/v1/budgets/{name}"): Operation(roles=READERS),
    ("patch", "/api/v1/budgets/{name}"): Operation(roles=PROJECT, body={"limit": "2 USD"}),
    ("delete", "/api/v1/budgets/{name}"): Operation(roles=PROJECT),
    ("get", "/api/v1/rate_limits"): Operation(roles=READERS),
    ("post", "/api/v1/rate_limits"): Operation(roles=PROJECT, body=_RATE, nested=("scope",)),
    ("get", "/api/v1/rate_limits/{name}"): Operation(roles=READERS),
    ("patch", "/api/v1/rate_limits/{name}"): Operation(roles=PROJECT, body={"limit": "2 requests"}),
    ("delete", "/api/v1/rate_limits/{name}"): Operation(roles=PROJECT),
    ("get", "/api/v1/leases"): Operation(roles=ADMIN),
    ("post", "/api/v1/leases/{boot}/release"): Operation(roles=ADMIN, body={"reason": "the host is gone"}),
    ("get", "/api/v1/requests"): Operation(roles=ALL),
    ("get", "/api/v1/requests/stream"): Operation(roles=ALL),
    ("get", "/api/v1/requests/{request_id}"): Operation(roles=ALL),
    ("get", "/api/v1/costs"): Operation(roles=ALL),
    ("get", "/api/v1/alerts"): Operation(roles=READERS),
    ("get", "/api/v1/webhooks"): Operation(roles=ADMIN),
    ("post", "/api/v1/webhooks"): Operation(roles=ADMIN, body={"url": "http://127.0.0.1:9/alerts"}),
    ("delete", "/api/v1/webhooks/{webhook_id}"): Operation(roles=ADMIN),
    ("post", "/api/v1/config/plan"): Operation(roles=ADMIN, body={"toml": TOML}),
    ("post", "/api/v1/config/apply"): Operation(roles=ADMIN, body={"toml": TOML, "base": None}),
    ("get", "/api/v1/snapshots"): Operation(roles=ADMIN),
    ("get", "/api/v1/snapshots/{snapshot_id}"): Operation(roles=ADMIN),
    ("post", "/api/v1/snapshots/{snapshot_id}/activate"): Operation(roles=ADMIN, body={"expected": None}),
    ("get", "/api/v1/providers"): Operation(roles=ADMIN),
    ("get", "/api/v1/models"): Operation(roles=CALLERS),
    ("get", "/api/v1/status"): Operation(roles=ADMIN),
    ("get", "/healthz"): Operation(roles=None),
    ("get", "/readyz"): Operation(roles=None),
    ("get", "/metrics"): Operation(roles=None),
}

NOBODY = "00000000-0000-7000-8000-000000000000"
"""A place for path parameters: the id of nothing."""

REFUSED: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/keys/%00", None),
    ("GET", "/keys/%ED%A0%80", None),
    ("GET", "/keys?project=%00", None),
    ("GET", "/keys?limit=9999999999999999999999", None),
    ("GET", "/keys?limit=1&limit=%00", None),
    ("GET", "/keys?next=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", None),
    ("GET", "/audit?next=LTE", None),
    ("GET", "/alerts?next=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", None),
    ("GET", "/alerts?kind=a%00", None),
    ("GET", "/alerts?kind=a%0A", None),
    ("GET", "/costs?project=%00", None),
    ("GET", "/costs?next=LTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", None),
    ("GET", "/costs?group_by=project,project,%00", None),
    ("GET", "/webhooks?next=Ilx1MDAwMCI", None),
    ("GET", "/snapshots?next=Im5vdCBhIHRpbWUi", None),
    ("GET", "/snapshots/%00", None),
    ("GET", "/requests/%00", None),
    ("GET", "/requests?from=99999-01-01T00:00:00Z", None),
    ("GET", "/requests?status=%00", None),
    ("DELETE", "/webhooks/%00", None),
    ("DELETE", "/budgets/%00", None),
    ("POST", "/keys", {"name": "a\n"}),
    ("POST", "/keys", {"name": "a", "may_assert": 0}),
    ("POST", "/keys", {"name": "a", "may_assert": "true"}),
    ("POST", "/keys", {"name": "a", "tags": "ab"}),
    ("POST", "/keys", {"name": "a", "project": "p\n"}),
    ("POST", "/keys", {"name": "a", "expires_at": "2026-13-01T00:00:00Z"}),
    ("POST", "/keys", {"name": "a", "expires_at": "9999-12-31T23:59:59-23:59"}),
    ("POST", "/keys", {"name": "a", "budgets": [{"name": "b", "limit": "1e-999999999"}]}),
    ("POST", "/keys", {"name": "a", "budgets": [{"name": "b", "limit": {"$": 1}}]}),
    ("POST", "/keys", {"name": "a", "models": ["m\x00"]}),
    ("POST", "/keys", [{"name": "a"}]),
    ("POST", "/keys", None),
    ("POST", "/keys", b'{"name": "a", "name": "b"}'),
    ("POST", "/keys", b'{"name": "a\\ud800"}'),
    ("POST", "/keys", b'{"name": "a"} {"name": "b"}'),
    ("POST", "/keys", b'\xff\xfe{"name": "a"}'),
    ("POST", "/keys", b"[" * 100_000),
    ("POST", "/keys", b'{"budgets":' * 5_000),
    ("POST", "/budgets", {"name": "a", "limit": "1 USD", "timezone": "../../../../etc/passwd"}),
    ("POST", "/budgets", {"name": "a", "limit": "1 USD", "timezone": "Europe"}),
    ("POST", "/budgets", {"name": "a", "limit": "1 USD", "timezone": "A" * 10_000}),
    ("POST", "/budgets", {"name": "a", "limit": "1 USD", "reserve_wait_s": 1e308}),
    ("POST", "/budgets", {"name": "a", "limit": "1 USD", "reserve_wait_s": "2"}),
    ("POST", "/budgets", {"name": "a", "limit": "NaN USD"}),
    ("POST", "/budgets", {"name": "a", "limit": "9" * 60}),
    ("POST", "/budgets", {"name": "a", "limit": "1 USD", "scope": {"user": "\x00"}}),
    ("POST", "/budgets", {"name": "a", "limit": "1 USD", "scope": {"user": ""}}),
    ("POST", "/rate_limits", {"name": "a", "limit": "0 requests"}),
    ("POST", "/rate_limits", {"name": "a", "limit": "999999999999999999999 requests"}),
    ("POST", "/webhooks", {"url": "http://user:word@host/"}),
    ("POST", "/webhooks", {"url": "http://host:99999/"}),
    ("POST", "/webhooks", {"url": "https://ll*"}),
    ("POST", "/webhooks", {"url": "file:///etc/passwd"}),
    ("POST", "/webhooks", {"url": "http://a/\r\nx-injected: 1"}),
    ("POST", "/config/plan", {"toml": "a = \x00"}),
    ("POST", "/config/plan", {"toml": "[" * 50_000}),
    ("POST", "/config/plan", {"toml": "a = " + "[" * 5_000}),
    ("POST", "/config/apply", {"toml": TOML, "base": None, "note": "\x00"}),
    ("POST", f"/leases/{NOBODY}/release", {"reason": "abc\x00"}),
    ("POST", "/leases/none/release", {"reason": "gone"}),
    ("POST", "/snapshots/none/activate", {"expected": "\x00"}),
)
"""Requests that no schema writes down, each a 4xx in the documented shape."""
