"""The way to one target for one kind of call: all that its snapshot fixes, made once and used by every call.

Endpoint, path, credential, the headers that never change, and the translation where the provider does not
speak the caller's dialect. The credential is added here and stands nowhere else. Never here: anything that
differs from call to call. Read next: `gateway.attempt`.
"""

from typing import Final
from urllib.parse import quote

import msgspec

from headgate.catalog.kinds import endpoint_for, outgoing_path, service_of
from headgate.catalog.model import Auth, Endpoint, Target
from headgate.catalog.profiles import answering, profile_of
from headgate.catalog.tariff import Tariff
from headgate.config.secrets import Secrets
from headgate.config.snapshot import CallTimeouts
from headgate.core.call import AnyDialect
from headgate.core.faults import NotTranslatable
from headgate.core.ports import Headers, Outgoing, Timeouts
from headgate.core.secret import Secret
from headgate.gateway.masking import Masking
from headgate.wire.dialects.registry import codec_of
from headgate.wire.model import Route
from headgate.wire.routes import CHAT_PATHS
from headgate.wire.translating import Translation

REQUEST_HEADERS: Final = frozenset(
    {b"accept", b"anthropic-beta", b"anthropic-version", b"content-type", b"idempotency-key", b"openai-beta"}
)
"""What of a client's headers reaches a provider."""
TRANSLATED_HEADERS: Final = frozenset({b"content-type", b"idempotency-key"})
"""The same where the provider speaks another dialect."""

WAYS_MAX: Final = 64
"""Routes times targets of one alias."""
OUTPUT_FIELD: Final = "max_completion_tokens"


class Way:
    """How calls of one route reach one target."""

    __slots__ = (
        "_extra",
        "_fixed",
        "_passed",
        "_path",
        "_stream_path",
        "asks_usage",
        "endpoint",
        "masking",
        "missing",
        "name",
        "output_field",
        "resealing",
        "stream_timeouts",
        "target",
        "tariff",
        "translation",
        "whole_timeouts",
    )

    def __init__(self, target: Target, route: Route, secrets: Secrets, timeouts: CallTimeouts) -> None:
        """Raises NotTranslatable where no endpoint of the provider's answers the route, translated or not."""
        provider = target.provider
        self.target = target
        self.name = target.name
        self.tariff = Tariff(target.facts)
        self.endpoint = _endpoint(target, route)
        secret = secrets.get(provider.name)
        self.missing = secrets.reason_missing(provider.name) if self.endpoint.auth != "none" else None
        """Why the target's credential can't be had, if it can't."""
        self.masking = Masking(secret)
        self.asks_usage = asks_usage = self.endpoint.usage_in_stream and provider.inject_usage
        dialect = self.endpoint.dialect
        is_own = dialect == route.dialect
        self.translation = None if is_own else _translation(target, route, dialect, asks_usage=asks_usage)
        """Between the caller's dialect and the endpoint's, where they differ."""
        self.resealing = _resealing(target, route, asks_usage=asks_usage) if is_own else None
        """How a call is written anew in the dialect that both speak, where it holds what others made."""
        service = service_of(provider.kind, provider.origin.host, provider.service)
        self.output_field = service.output_field if service is not None else OUTPUT_FIELD
        self.whole_timeouts = _timeouts(timeouts, timeouts.total_s)
        self.stream_timeouts = _timeouts(timeouts, timeouts.first_token_s)
        self._passed = REQUEST_HEADERS if self.translation is None else TRANSLATED_HEADERS
        whole, stream = (
            (route.path, route.path) if self.translation is None else CHAT_PATHS[self.endpoint.dialect]
        )
        self._path = _path(target, self.endpoint, whole)
        self._stream_path = self._path if whole == stream else _path(target, self.endpoint, stream)
        self._fixed: Headers = [(b"host", _host(target)), *_credential(self.endpoint.auth, secret)]
        self._extra: Headers = [
            (name.lower().encode(), value.encode())
            for extra in (self.endpoint.extra_headers, provider.extra_headers)
            for name, value in extra.items()
        ]

    def outgoing(self, headers: Headers, query: bytes, *, stream: bool) -> Outgoing:
        """Build the request to the provider from a client's headers and query, still without its body."""
        passed = [field for field in headers if field[0] in self._passed]
        if self._extra:
            named = {name for name, _ in passed}
            passed += [field for field in self._extra if field[0] not in named]
        return Outgoing(
            origin=self.target.provider.origin,
            method="POST",
            target=self._target(query, stream=stream),
            headers=[*self._fixed, *passed, (b"accept-encoding", b"identity")],
            timeouts=self.stream_timeouts if stream else self.whole_timeouts,
        )

    def _target(self, query: bytes, *, stream: bool) -> bytes:
        if stream and self.translation is not None:
            return self._stream_path
        if not query or self.endpoint.dialect != "google" or b"alt=sse" not in query.split(b"&"):
            return self._path
        if self.translation is not None:
            return self._path
        path, mark, rest = self._path.partition(b"?")
        return path + b"?alt=sse" + (b"&" + rest if mark else b"")


class Ways:
    """The ways to the targets of one alias, made as calls take them."""

    __slots__ = ("_known", "_secrets", "_timeouts")

    def __init__(self, secrets: Secrets, timeouts: CallTimeouts) -> None:
        self._secrets = secrets
        self._timeouts = timeouts
        self._known: dict[tuple[str, str, str, str], Way] = {}

    def to(self, target: Target, route: Route) -> Way:
        """Return the way to a target for a route. Raises NotTranslatable where its provider has none."""
        identity = (target.provider.name, target.model, route.dialect, route.path)
        way = self._known.get(identity)
        if way is None:
            if len(self._known) >= WAYS_MAX:
                self._known.clear()
            way = self._known[identity] = Way(target, route, self._secrets, self._timeouts)
        return way


def _endpoint(target: Target, route: Route) -> Endpoint:
    """Where the target answers: in the caller's dialect if it can, else the first that chat is translated to.

    Raises NotTranslatable where there is neither.
    """
    endpoints = target.provider.endpoints
    own = endpoint_for(endpoints, route.dialect, route.path)
    if route.operation == "chat":
        spoken = answering(target, [endpoint.dialect for endpoint in endpoints])
        if own is not None and route.dialect in spoken:
            return own
        for dialect in spoken:
            path = CHAT_PATHS.get(dialect)
            other = endpoint_for(endpoints, dialect, path[0]) if path and dialect != route.dialect else None
            if other is not None and codec_of(dialect) and codec_of(route.dialect):
                return other
    if own is not None:
        return own
    raise NotTranslatable(
        f"{target.name} does not answer {route.path} ({route.dialect}); "
        "ask for a model of a provider that does"
    )


def _timeouts(timeouts: CallTimeouts, first_byte_s: float) -> Timeouts:
    return Timeouts(
        connect_s=timeouts.connect_s,
        first_byte_s=first_byte_s,
        idle_s=timeouts.idle_s,
        total_s=timeouts.total_s,
    )


def _translation(
    target: Target, route: Route, dialect: AnyDialect, *, asks_usage: bool
) -> Translation | None:
    quirks = profile_of(target, dialect).quirks
    return Translation.between(route.dialect, dialect, quirks, asks_usage=asks_usage)


def _resealing(target: Target, route: Route, *, asks_usage: bool) -> Translation | None:
    """Seals without a mark are taken for the target's own: only translation marks them."""
    if route.operation != "chat":
        return None
    quirks = msgspec.structs.replace(profile_of(target, route.dialect).quirks, maker="")
    return Translation.between(route.dialect, route.dialect, quirks, asks_usage=asks_usage)


def _path(target: Target, endpoint: Endpoint, path_from: str) -> bytes:
    path = target.provider.path + outgoing_path(endpoint, path_from, target.model)
    if target.provider.api_version:
        mark = "&" if "?" in path else "?"
        path += f"{mark}api-version=" + quote(target.provider.api_version)
    return path.encode("ascii")


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
