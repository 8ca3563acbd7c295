"""The gate before every route of the control API: Host, Origin, key and grant are checked, in that order.

Closed by default: a handler that declares no grant is refused. Trusts no forwarded header, and a cookie only
from the console itself (`access.sign_in`).
Read next: `access.roles` (who has which grant), `access.book` (keys).
"""

import ipaddress
from collections.abc import Callable, Collection
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter, SkipValidation

from headgate.access.book import AccessBook
from headgate.access.credentials import present
from headgate.access.model import Key
from headgate.access.roles import Grant, require
from headgate.access.sign_in import CONSOLE_HEADER, SignIns, check_own_page
from headgate.core.faults import InvalidRequest, NotAllowed
from headgate.core.pages import LIMIT_MAX
from headgate.core.ports import Clock, Headers

PUBLIC: Final = "public"
"""The grant of a route that needs no key: health, and the page that says what this is."""

ANY_KEY: Final = "any"
"""The grant of a route that only needs some valid key."""

KEY_ANYWHERE: Final = "key_anywhere"
"""The option of a route that takes a key in any header: exporters send what they are given."""

AnyConnection = ASGIConnection[Any, Any, Any, Any]
AnyRequest = Request[Any, Any, Any]

PageLimit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="how many items at most")]
"""The query parameter `limit` of lists."""

CallerKey = NamedDependency[SkipValidation[Key]]
"""The key that a request was let in with, as handlers take it."""


class Gate:
    """Checks each request before its handler runs."""

    def __init__(
        self,
        book: AccessBook,
        clock: Clock,
        allowed_hosts: Callable[[], Collection[str]] = frozenset,
        *,
        sign_ins: SignIns | None = None,
    ) -> None:
        self._book = book
        self._clock = clock
        self._sign_ins = sign_ins
        self._allowed_hosts = allowed_hosts

    async def check(self, connection: AnyConnection, handler: BaseRouteHandler) -> None:
        """Let a request through to `handler`, or refuse it.

        Raises InvalidRequest (no Host, unknown query parameter, U+0000), NotAllowed (a foreign Host or
        Origin, a grant that the key's role lacks), InvalidKey, and Unavailable while keys are not known.
        """
        self._check_host(connection)
        grant = handler.opt.get("grant")
        if grant is None:
            raise NotAllowed("this route declares no grant and so is closed to all")
        if grant != PUBLIC:
            key = self.authenticate(connection, anywhere=handler.opt.get(KEY_ANYWHERE, False))
            if grant != ANY_KEY:
                require(key.role, grant)
            connection.scope["state"]["caller"] = key
        _check_address(connection, handler)

    def authenticate(self, connection: AnyConnection, *, anywhere: bool = False) -> Key:
        """Return the key that a request presents as bearer, or is signed in with where it presents none.

        `anywhere` takes a key in any header that SDKs and exporters use, and no cookie. Raises InvalidKey and
        Unavailable, and NotAllowed for a cookie that another page has sent.
        """
        sent: Headers = list(connection.scope["headers"])
        headers = [(name, value) for name, value in sent if anywhere or name == b"authorization"]
        if not headers and not anywhere and self._sign_ins is not None:
            cookie = connection.cookies.get(self._sign_ins.cookie_name)
            if cookie:
                check_own_page(
                    connection.headers.get("sec-fetch-site"), connection.headers.get(CONSOLE_HEADER)
                )
                return self._sign_ins.key_of(cookie)
        return self._book.authenticate(present(headers, takes_basic=anywhere), self._clock.now_ms())

    def _check_host(self, connection: AnyConnection) -> None:
        # A page on a foreign name that is re-bound to this address would come with that name as Host.
        hosts = connection.headers.getall("host", [])
        if len(hosts) != 1:
            raise InvalidRequest(
                f"a request needs exactly one Host, and this has {len(hosts)}", parameter="host"
            )
        host = hosts[0].strip().lower()
        name = _host_name(host)
        if not (_is_local_or_address(name) or name in self._allowed_hosts()):
            raise NotAllowed(
                f"the host name {name[:200]!r} is not one of this server; use its address or localhost, "
                "or add the name to `allowed_hosts` in [server]"
            )
        origin = connection.headers.get("origin")
        if origin is not None and urlsplit(origin.strip().lower()).netloc != host:
            raise NotAllowed(
                f"the origin {origin[:200]!r} is not this server ({host[:200]}); open its own console"
            )


def grants_of(handler: BaseRouteHandler) -> str | None:
    """Return the grant that a route declares."""
    return handler.opt.get("grant")


def provide_caller(request: AnyRequest) -> Key:
    """Give a handler the key that its request was let in with."""
    return request.scope["state"]["caller"]


def grant(name: Grant) -> Grant:
    """Name a grant where a route declares it, so that a misspelt one does not type-check."""
    return name


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0].removeprefix("[")
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _is_local_or_address(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _check_address(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    if "\x00" in connection.scope["path"]:
        raise InvalidRequest("the path holds the character U+0000; leave it out", parameter="path")
    if handler.opt.get("any_query"):
        return
    known = {*handler.parsed_fn_signature.parameters, *handler.resolve_layered_parameters()}
    for name, values in connection.query_params.dict().items():
        if any("\x00" in value for value in values):
            raise InvalidRequest(
                f"{name[:64]!r} holds the character U+0000; leave it out", parameter=name[:64]
            )
        if name not in known:
            raise InvalidRequest(
                f"there is no query parameter {name[:64]!r} here; /api/openapi.json lists them",
                parameter=name[:64],
            )
