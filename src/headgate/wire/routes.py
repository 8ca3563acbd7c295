"""Which model route a method and path mean: dialect, operation, and the model where the path names it.

Never reads a body. `Route.path` is the path without the prefix that some SDKs are given (`/openai`,
`/anthropic`, `/google`), and with `{model}` in the place of a model: so an endpoint's `path_from` matches it
and the outgoing path is made by putting a target's model there. Read next: `wire.reading`.
"""

from typing import Literal
from urllib.parse import unquote

import msgspec

from headgate.core.call import AnyDialect, Dialect, Operation
from headgate.core.faults import InvalidRequest
from headgate.wire.model import Route

MODEL_LENGTH_MAX = 512

CHAT_PATHS: dict[AnyDialect, tuple[str, str]] = {
    "openai-chat": ("/v1/chat/completions", "/v1/chat/completions"),
    "openai-responses": ("/v1/responses", "/v1/responses"),
    "anthropic": ("/v1/messages", "/v1/messages"),
    "google": (
        "/v1beta/models/{model}:generateContent",
        "/v1beta/models/{model}:streamGenerateContent?alt=sse",
    ),
    "bedrock": ("/model/{model}/converse", "/model/{model}/converse-stream"),
    "cohere": ("/v2/chat", "/v2/chat"),
}
"""Where a chat call goes that is translated, whole and as a stream, in the words of `Route.path`."""


class RouteRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the route table. `path` ends in `{model}` or `{model}:verb` where the path names it."""

    method: Literal["GET", "POST"]
    path: str
    dialect: Dialect
    operation: Operation
    stream: bool | None = None
    multipart: bool = False
    prefixes: tuple[str, ...] = ("",)

    @property
    def route(self) -> Route:
        """The route of a path without a model in it."""
        return Route(
            dialect=self.dialect,
            operation=self.operation,
            path=self.path,
            stream=self.stream,
            multipart=self.multipart,
        )


OPENAI = ("", "/openai")
ANTHROPIC = ("", "/anthropic")
GOOGLE = ("", "/google")


def _openai(
    path: str, operation: Operation, dialect: Dialect = "openai", multipart: bool = False
) -> RouteRow:
    return RouteRow(
        method="POST",
        path=path,
        dialect=dialect,
        operation=operation,
        multipart=multipart,
        prefixes=OPENAI,
        stream=None if operation not in {"embeddings", "moderations"} else False,
    )


def _listing(path: str, dialect: Dialect, prefixes: tuple[str, ...]) -> RouteRow:
    return RouteRow(
        method="GET", path=path, dialect=dialect, operation="models", stream=False, prefixes=prefixes
    )


def _google(verb: str, operation: Operation, stream: bool) -> RouteRow:
    path = "/v1beta/models/{model}:" + verb
    return RouteRow(
        method="POST", path=path, dialect="google", operation=operation, stream=stream, prefixes=GOOGLE
    )


ROUTES: tuple[RouteRow, ...] = (
    _openai("/v1/chat/completions", "chat", "openai-chat"),
    _openai("/v1/responses", "chat", "openai-responses"),
    _openai("/v1/embeddings", "embeddings"),
    _openai("/v1/completions", "completions"),
    _openai("/v1/moderations", "moderations"),
    _openai("/v1/images/generations", "images"),
    _openai("/v1/images/edits", "images", multipart=True),
    _openai("/v1/images/variations", "images", multipart=True),
    _openai("/v1/audio/speech", "audio"),
    _openai("/v1/audio/transcriptions", "audio", multipart=True),
    _openai("/v1/audio/translations", "audio", multipart=True),
    _listing("/v1/models", "openai", OPENAI),
    _listing("/v1/models/{model}", "openai", OPENAI),
    RouteRow(method="POST", path="/v1/messages", dialect="anthropic", operation="chat", prefixes=ANTHROPIC),
    RouteRow(
        method="POST",
        path="/v1/messages/count_tokens",
        dialect="anthropic",
        operation="count_tokens",
        stream=False,
        prefixes=ANTHROPIC,
    ),
    _listing("/v1/models", "anthropic", ("/anthropic",)),
    _listing("/v1/models/{model}", "anthropic", ("/anthropic",)),
    _google("generateContent", "chat", stream=False),
    _google("streamGenerateContent", "chat", stream=True),
    _google("embedContent", "embeddings", stream=False),
    _google("batchEmbedContents", "embeddings", stream=False),
    _google("countTokens", "count_tokens", stream=False),
    _listing("/v1beta/models", "google", GOOGLE),
    _listing("/v1beta/models/{model}", "google", GOOGLE),
)
"""Every model route. A test walks it and fails on one that could skip authentication or meters."""


def _by_exact_path() -> dict[tuple[str, str], Route]:
    return {
        (row.method, prefix + row.path): row.route
        for row in ROUTES
        for prefix in row.prefixes
        if "{model}" not in row.path
    }


def _by_model_path() -> dict[tuple[str, str, str], Route]:
    table: dict[tuple[str, str, str], Route] = {}
    for row in ROUTES:
        head, found, verb = row.path.partition("{model}")
        for prefix in row.prefixes if found else ():
            table[row.method, prefix + head, verb.removeprefix(":")] = row.route
    return table


_EXACT = _by_exact_path()
_WITH_MODEL = _by_model_path()
_HEADS = tuple(sorted({head for _, head, _ in _WITH_MODEL}))


def match(method: str, path: str) -> Route | None:
    """Return the route that a request means, or None where it is no model route.

    `path` is without query, as it came (percent-encoded). A model in the path may hold slashes and is
    percent-decoded. Raises InvalidRequest for a model name of over 512 characters or with control
    characters.
    """
    exact = _EXACT.get((method, path))
    if exact is not None:
        return exact
    for head in _HEADS:
        if path.startswith(head):
            return _with_model(method, head, path[len(head) :])
    return None


def _with_model(method: str, head: str, rest: str) -> Route | None:
    model, verb = unquote(rest), ""
    if method == "POST":
        model, _, verb = rest.rpartition(":")
        model = unquote(model)
    route = _WITH_MODEL.get((method, head, verb))
    if route is None or not model:
        return None
    if len(model) > MODEL_LENGTH_MAX or not model.isprintable():
        raise InvalidRequest(
            f"the model in the path has {len(model)} characters or unprintable ones; "
            f"name one of at most {MODEL_LENGTH_MAX} printable characters",
            parameter="model",
        )
    return msgspec.structs.replace(route, model=model)
