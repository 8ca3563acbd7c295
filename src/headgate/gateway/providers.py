"""From a call and a target to the HTTP request that leaves: endpoint, path, headers, credential.

Headers cross by allowlist, in both directions. The credential is added here and stands nowhere else.
"""

from typing import Final
from urllib.parse import quote

from headgate.catalog.kinds import endpoint_for as find_endpoint
from headgate.catalog.kinds import outgoing_path
from headgate.catalog.model import Auth, Endpoint, Target
from headgate.core.faults import NotTranslatable
from headgate.core.ports import Headers, Outgoing, Timeouts
from headgate.core.secret import Secret
from headgate.gateway.call import Call
from headgate.wire.model import Route

REQUEST_HEADERS: Final = frozenset(
    {b"accept", b"anthropic-beta", b"anthropic-version", b"content-type", b"idempotency-key", b"openai-beta"}
)
ANSWER_HEADERS: Final = frozenset(
    {
        b"content-type",
        b"content-disposition",
        b"content-encoding",
        b"openai-processing-ms",
        b"openai-version",
        b"request-id",
        b"x-request-id",
    }
)
PROVIDER_REQUEST_ID: Final = (b"x-request-id", b"request-id", b"apim-request-id")


def endpoint_for(target: Target, route: Route) -> Endpoint:
    """Return where the target's provider answers the caller's dialect.

    Raises NotTranslatable when it does not: translation comes between dialects, not here.
    """
    endpoint = find_endpoint(target.provider.endpoints, route.dialect, route.path)
    if endpoint is not None:
        return endpoint
    raise NotTranslatable(
        f"{target.name} does not answer {route.path} ({route.dialect}); "
        "ask for a model of a provider that does"
    )


def outgoing(
    call: Call,
    target: Target,
    endpoint: Endpoint,
    *,
    secret: Secret | None,
    timeouts: Timeouts,
) -> Outgoing:
    """Build the request to the provider, still without its body."""
    provider = target.provider
    client_headers = call.headers
    headers: Headers = [(b"host", _host(target))]
    headers += _credential(endpoint.auth, secret)
    named = {name for name, _ in client_headers if name in REQUEST_HEADERS}
    headers += [(name, value) for name, value in client_headers if name in REQUEST_HEADERS]
    for extra in (endpoint.extra_headers, provider.extra_headers):
        headers += [
            (name.lower().encode(), value.encode())
            for name, value in extra.items()
            if name.lower().encode() not in named
        ]
    headers.append((b"accept-encoding", b"identity"))
    return Outgoing(
        origin=provider.origin,
        method="POST",
        target=(provider.path + _path(call, target, endpoint)).encode("ascii"),
        headers=headers,
        timeouts=timeouts,
    )


def _path(call: Call, target: Target, endpoint: Endpoint) -> str:
    path = outgoing_path(endpoint, call.route.path, target.model)
    if endpoint.dialect == "google" and b"alt=sse" in call.query.split(b"&"):
        path += "?alt=sse"
    if target.provider.api_version:
        path += ("&" if "?" in path else "?") + "api-version=" + quote(target.provider.api_version)
    return path


def _host(target: Target) -> bytes:
    origin = target.provider.origin
    default = {"http": 80, "https": 443}.get(origin.scheme)
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return (host if origin.port in (default, 0) else f"{host}:{origin.port}").encode("ascii")


def _credential(auth: Auth, secret: Secret | None) -> Headers:
    if secret is None or auth == "none":
        return []
    value = secret.reveal().encode()
    if auth == "bearer":
        return [(b"authorization", b"Bearer " + value)]
    return [(auth.encode(), value)]


def answer_headers(headers: Headers) -> Headers:
    """Return the provider's headers that a client may see."""
    return [(name, value) for name, value in headers if name in ANSWER_HEADERS]


def provider_request_id(headers: Headers) -> str:
    """Return the provider's own id of the request, if it names one."""
    for wanted in PROVIDER_REQUEST_ID:
        for name, value in headers:
            if name == wanted:
                return value.decode("latin-1")[:200]
    return ""
