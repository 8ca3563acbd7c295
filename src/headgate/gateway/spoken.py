"""Which dialect a target is spoken to in for one kind of call: its endpoint, and the translation between.

Decided once for each way, never for a call. Read next: `gateway.way`, `wire.translations`.
"""

import msgspec

from headgate.catalog.kinds import endpoint_for
from headgate.catalog.model import Endpoint, Target
from headgate.catalog.profiles import answers_in, profile_of
from headgate.core.call import AnyDialect, Dialect
from headgate.core.faults import NotTranslatable
from headgate.core.quirks import PLAIN
from headgate.wire.model import Route
from headgate.wire.routes import TRANSLATED_PATHS
from headgate.wire.translations import AnyTranslation, between


def endpoint_of(target: Target, route: Route) -> Endpoint:
    """Where the target answers: in the caller's dialect if it can, else the first that it is translated to.

    Raises NotTranslatable where there is neither.
    """
    endpoints = target.provider.endpoints
    paths = TRANSLATED_PATHS.get(route.operation, {})
    own = endpoint_for(endpoints, route.dialect, route.path)
    if own is not None and (not paths or _answers(target, route, own)):
        return own
    for endpoint in endpoints:
        dialect = endpoint.dialect
        path = paths.get(dialect)
        other = endpoint_for(endpoints, dialect, path[0]) if path and dialect != route.dialect else None
        if other is not None and _answers(target, route, other) and _can_translate(route, dialect):
            return other
    if own is not None and route.operation != "count_tokens":
        return own
    raise NotTranslatable(
        f"{target.name} does not answer {route.path} ({route.dialect}); "
        "ask for a model of a provider that does"
    )


def _answers(target: Target, route: Route, endpoint: Endpoint) -> bool:
    """Whether the model has such an operation there, as far as that is known."""
    match route.operation:
        case "chat":
            return answers_in(target, endpoint.dialect)
        case "count_tokens":
            return endpoint.counts_tokens and answers_in(target, endpoint.dialect)
        case _:
            return True


def _can_translate(route: Route, dialect: AnyDialect) -> bool:
    return between(route.operation, route.dialect, dialect, PLAIN) is not None


def translation_to(
    target: Target, route: Route, dialect: AnyDialect, *, asks_usage: bool
) -> AnyTranslation | None:
    """What stands between the caller's dialect and the one that the target is spoken to in."""
    quirks = profile_of(target, dialect).quirks
    return between(route.operation, route.dialect, dialect, quirks, asks_usage=asks_usage)


def resealing_of(target: Target, route: Route, *, asks_usage: bool) -> AnyTranslation | None:
    """How a conversation is written anew in the dialect that both speak; None where none is meant.

    Seals without a mark are taken for the target's own: only translation marks them.
    """
    if route.operation not in ("chat", "count_tokens"):
        return None
    dialect: Dialect = route.dialect
    quirks = msgspec.structs.replace(profile_of(target, dialect).quirks, maker="")
    return between(route.operation, dialect, dialect, quirks, asks_usage=asks_usage)
