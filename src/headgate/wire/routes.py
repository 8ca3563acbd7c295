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

EMBEDDING_PATHS: dict[AnyDialect, tuple[str, str]] = {
    "openai": ("/v1/embeddings", "/v1/embeddings"),
    "google": ("/v1beta/models/{model}:batchEmbedContents", "/v1beta/models/{model}:batchEmbedContents"),
    "cohere": ("/v2/embed", "/v2/embed"),
}
COUNT_PATHS: dict[AnyDialect, tuple[str, str]] = {
    "openai-responses": ("/v1/responses/input_tokens", "/v1/responses/input_tokens"),
    "anthropic": ("/v1/messages/count_tokens", "/v1/messages/count_tokens"),
    "google": ("/v1beta/models/{model}:countTokens", "/v1beta/models/{model}:countTokens"),
    "bedrock": ("/model/{model}/count-tokens", "/model/{model}/count-tokens"),
}
TRANSLATED_PATHS: dict[Operation, dict[AnyDialect, tuple[str, str]]] = {
    "chat": CHAT_PATHS,
    "embeddings": EMBEDDING_PATHS,
    "count_tokens": COUNT_PATHS,
}
"""The same for every operation that is translated."""


class RouteRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the route table. `path` ends in `{model}` or `{model}:verb` where the path names it."""

    method: Literal["GET", "POST"]
    path: str
    dialect: Dialect
    operation: Operation
    stream: bool | None = None
    multipart: bool = False
    prefixes: tuple[str, ...] = ("",)
    also: tuple[str, ...] = ()
    """Other paths that mean the same."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path by which it is reached."""
        return (*[prefix + self.path for prefix in self.prefixes], *self.also)

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
        stream=None if operation not in {"embeddings", "moderations", "count_tokens"} else False,
    )


def _listing(path: str, dialect: Dialect, prefixes: tuple[str, ...], also: tuple[str, ...] = ()) -> RouteRow:
    return RouteRow(
        method="GET",
        path=path,
        dialect=dialect,
        operation="models",
        stream=False,
        prefixes=prefixes,
        also=also,
    )


def _google(verb: str, operation: Operation, stream: bool) -> RouteRow:
    """Google's libraries call both versions of the API. Both go out as the beta, which knows more."""
    ending = "/models/{model}:" + verb
    return RouteRow(
        method="POST",
        path="/v1beta" + ending,
        dialect="google",
        operation=operation,
        stream=stream,
        prefixes=GOOGLE,
        also=tuple([f"{prefix}/v1{ending}" for prefix in GOOGLE]),
    )


ROUTES: tuple[RouteRow, ...] = (
    _openai("/v1/chat/completions", "chat", "openai-chat"),
    _openai("/v1/responses", "chat", "openai-responses"),
    _openai("/v1/responses/input_tokens", "count_tokens", "openai-responses"),
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
    _listing("/v1beta/models", "google", GOOGLE, ("/google/v1/models",)),
    _listing("/v1beta/models/{model}", "google", GOOGLE, ("/google/v1/models/{model}",)),
)
"""Every model route. A test walks it and fails on one that could skip authentication or meters."""


def _by_exact_path() -> dict[tuple[str, str], Route]:
    return {
        (row.method, path): row.route for row in ROUTES for path in row.paths if "{model}" not in row.path
    }


def _by_model_path() -> dict[tuple[str, str, str], Route]:
    table: dict[tuple[str, str, str], Route] = {}
    for row in ROUTES:
        for path in row.paths if "{model}" in row.path else ():
            head, _, verb = path.partition("{model}")
            table[row.method, head, verb.removeprefix(":")] = row.route
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
