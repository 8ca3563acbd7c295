"""The way to one target for one kind of call: all that its snapshot fixes, made once and used by every call.

Endpoint, path, credential, the headers that never change, and the translation where the provider does not
speak the caller's dialect. A credential that is a key is added here and stands nowhere else; what proves each
call instead is `proof`, which `gateway.sending` asks last. Never here: anything that differs from call to
call. Read next: `gateway.attempt`.
"""

from typing import Final
from urllib.parse import quote

from headgate.catalog.kinds import outgoing_path, service_of
from headgate.catalog.model import Auth, Endpoint, Target
from headgate.catalog.tariff import Tariff
from headgate.config.secrets import Secrets
from headgate.config.snapshot import CallTimeouts
from headgate.core.ports import Headers, Outgoing, Timeouts
from headgate.core.secret import Secret
from headgate.gateway.masking import Masking
from headgate.gateway.proofs import NO_PROOFS, Proof, Proofs
from headgate.gateway.spoken import endpoint_of, resealing_of, translation_to
from headgate.wire.model import Route
from headgate.wire.reshaping import reshaped
from headgate.wire.routes import TRANSLATED_PATHS

REQUEST_HEADERS: Final = frozenset(
    {b"accept", b"anthropic-beta", b"anthropic-version", b"content-type", b"idempotency-key", b"openai-beta"}
)
"""What of a client's headers reaches a provider."""
TRANSLATED_HEADERS: Final = frozenset({b"idempotency-key"})
"""The same where the provider speaks another dialect, beside the type of what is written then."""

WAYS_MAX: Final = 64
"""Routes times targets of one alias."""
OUTPUT_FIELD: Final = "max_completion_tokens"
ALWAYS_PROVEN: Final = frozenset({"service-account"})
"""Ways of showing a credential in which it never leaves itself."""


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
        "is_reshaped",
        "masking",
        "missing",
        "name",
        "output_field",
        "proof",
        "regions",
        "resealing",
        "stream_timeouts",
        "target",
        "tariff",
        "translation",
        "whole_timeouts",
    )

    def __init__(
        self,
        target: Target,
        route: Route,
        secrets: Secrets,
        timeouts: CallTimeouts,
        *,
        proofs: Proofs = NO_PROOFS,
    ) -> None:
        """Raises NotTranslatable where no endpoint of the provider's answers the route, translated or not."""
        provider = target.provider
        self.target = target
        self.name = target.name
        self.regions = target.regions
        self.tariff = Tariff(target.facts)
        self.endpoint = endpoint_of(target, route)
        secret = secrets.get(provider.name)
        self.proof: Proof | None = proofs.made.get(provider.name)
        """What proves each request, where its fixed headers do not."""
        self.missing = _missing(target, self.endpoint.auth, secrets, proofs)
        """Why the target's credential can't be had, if it can't."""
        self.masking = Masking(secret) if self.proof is None else self.proof.masking
        self.asks_usage = asks_usage = self.endpoint.usage_in_stream and provider.inject_usage
        dialect = self.endpoint.dialect
        is_own = dialect == route.dialect
        self.translation = None if is_own else translation_to(target, route, dialect, asks_usage=asks_usage)
        """Between the caller's dialect and the endpoint's, where they differ."""
        self.resealing = resealing_of(target, route, asks_usage=asks_usage) if is_own else None
        """How a call is written anew in the dialect that both speak, where it holds what others made."""
        service = service_of(provider.kind, provider.origin.host, provider.service)
        self.output_field = service.output_field if service is not None else OUTPUT_FIELD
        self.whole_timeouts = _timeouts(timeouts, timeouts.total_s)
        self.stream_timeouts = _timeouts(timeouts, timeouts.first_token_s)
        self._passed = REQUEST_HEADERS if self.translation is None else TRANSLATED_HEADERS
        whole = stream = route.path
        if self.translation is not None:
            whole, stream = TRANSLATED_PATHS[route.operation][dialect]
        self._path = _path(target, self.endpoint, whole)
        self._stream_path = self._path
        if self.endpoint.stream_path_to:
            self._stream_path = _path(target, self.endpoint, whole, stream=True)
        elif whole != stream:
            self._stream_path = _path(target, self.endpoint, stream)
        self.is_reshaped = bool(self.endpoint.added_members) or self.endpoint.is_model_in_path_only
        """Whether the endpoint wants other members than its dialect says."""
        shown = secret if self.proof is None else None
        self._fixed: Headers = [(b"host", _host(target)), *_credential(self.endpoint.auth, shown)]
        if self.translation is not None:
            self._fixed.append((b"content-type", b"application/json"))
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

    def reshaped(self, body: bytes) -> bytes:
        """The body with the members that the endpoint wants. Raises InvalidRequest for what is no object."""
        without = "model" if self.endpoint.is_model_in_path_only else None
        return reshaped(body, without=without, added=self.endpoint.added_members)

    def _target(self, query: bytes, *, stream: bool) -> bytes:
        if stream and self._stream_path is not self._path:
            return self._stream_path
        if not query or self.endpoint.dialect != "google" or b"alt=sse" not in query.split(b"&"):
            return self._path
        if self.translation is not None:
            return self._path
        path, mark, rest = self._path.partition(b"?")
        return path + b"?alt=sse" + (b"&" + rest if mark else b"")


class Ways:
    """The ways to the targets of one alias, made as calls take them."""

    __slots__ = ("_known", "_proofs", "_secrets", "_timeouts")

    def __init__(self, secrets: Secrets, timeouts: CallTimeouts, proofs: Proofs = NO_PROOFS) -> None:
        self._secrets = secrets
        self._proofs = proofs
        self._timeouts = timeouts
        self._known: dict[tuple[str, str, str, str], Way] = {}

    def to(self, target: Target, route: Route) -> Way:
        """Return the way to a target for a route. Raises NotTranslatable where its provider has none."""
        identity = (target.provider.name, target.model, route.dialect, route.path)
        way = self._known.get(identity)
        if way is None:
            if len(self._known) >= WAYS_MAX:
                self._known.clear()
            way = Way(target, route, self._secrets, self._timeouts, proofs=self._proofs)
            self._known[identity] = way
        return way


def _timeouts(timeouts: CallTimeouts, first_byte_s: float) -> Timeouts:
    return Timeouts(
        connect_s=timeouts.connect_s,
        first_byte_s=first_byte_s,
        idle_s=timeouts.idle_s,
        total_s=timeouts.total_s,
    )


def _path(target: Target, endpoint: Endpoint, path_from: str, *, stream: bool = False) -> bytes:
    path = target.provider.path + outgoing_path(endpoint, path_from, target.model, stream=stream)
    if target.provider.api_version:
        mark = "&" if "?" in path else "?"
        path += f"{mark}api-version=" + quote(target.provider.api_version)
    return path.encode("ascii")


def _host(target: Target) -> bytes:
    origin = target.provider.origin
    default = {"http": 80, "https": 443}.get(origin.scheme)
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return (host if origin.port in (default, 0) else f"{host}:{origin.port}").encode("ascii")


def _missing(target: Target, auth: Auth, secrets: Secrets, proofs: Proofs) -> str | None:
    name = target.provider.name
    if auth == "none":
        return None
    reason = secrets.reason_missing(name) or proofs.missing.get(name)
    if reason is None and auth in ALWAYS_PROVEN and name not in proofs.made:
        return "nothing proves calls to it"
    return reason


def _credential(auth: Auth, secret: Secret | None) -> Headers:
    if secret is None or auth in ("none", *ALWAYS_PROVEN):
        return []
    value = secret.reveal().encode()
    if auth in ("bearer", "aws"):  # a key of Amazon's that does not sign is a bearer
        return [(b"authorization", b"Bearer " + value)]
    return [(auth.encode(), value)]
