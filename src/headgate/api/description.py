"""The OpenAPI description as clients may rely on it: exact schemas, every status, and what leads to what.

The framework lists routes and parameters; bodies are described by the types that read and write them, and
errors by the one shape of `api.errors`. Never decides anything. Read next: `api.app`.
"""

import types
from collections.abc import Iterator
from typing import Any, Final, Union, get_args, get_origin

import msgspec
from litestar import Litestar, Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.response import ServerSentEvent, Stream
from litestar.routes import HTTPRoute

from headgate.api.errors import ErrorBody
from headgate.meters.console import NewBudget, NewRateLimit

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
LINES: Final = "application/x-ndjson"
_SCHEMAS: Final = "#/components/schemas/"

_ERRORS: Final[dict[int, str]] = {
    400: "a body, parameter or header is not what this route takes",
    401: "no key, or one that is unknown, expired or revoked",
    403: "the key's role lacks the grant, or the request comes for a foreign host or from a foreign origin",
    404: "there is no such object, or none that the key's role sees",
    405: "the route does not offer this method",
    409: "the object exists already, changed meanwhile, or is managed elsewhere",
    413: "the body is larger than this route takes",
    429: "too much at once; `retry-after` says when to try again",
    503: "the server cannot answer yet, or not now",
}
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_FURTHER: Final[dict[str, tuple[int, ...]]] = {
    "/metrics": (401,),
    "/api/v1/sign-in": (401,),
    "/api/v1/feedback/from/{system}": (401, 413, 503),
    "/api/v1/requests/stream": (429,),
    "/api/v1/traces/stream": (429,),
    "/api/v1/traces/export": (429,),
    "/api/v1/traces/{trace_id}/export": (429,),
    "/api/v1/prompts/outcomes": (404,),
    "/api/v1/releases/compare": (404,),
    "/api/v1/rules/test": (404,),
    "/api/v1/forecasts": (404,),
    "/api/v1/reviews": (404,),
    "/api/v1/reviews/next": (404,),
    "/api/v1/reviews/export": (404,),
    "/api/v1/whatif": (404,),
    "/api/v1/whatif/stream": (404,),
}
"""What single routes answer beyond what their kind does."""

_SUCCEEDS: Final[dict[tuple[str, str], tuple[int, str]]] = {
    ("GET", "/api/v1/prompts/{name}"): (304, "the client has this version already, by its entity tag"),
    ("POST", "/api/v1/prompts/{name}"): (200, "done; no version was made"),
}
"""What routes that take several verbs answer beside the status that they declare."""

_EVENTS: Final[dict[str, tuple[str, ...]]] = {
    "follow_requests": ("request", "error"),
    "follow_traces": ("trace", "error"),
    "follow_what_if": ("progress", "answer", "error"),
}
"""The events of each handler that sends some."""

_LEADS: Final[tuple[tuple[str, str, str, str, str], ...]] = (
    ("post", "/api/v1/keys", "id", "key_id", "/api/v1/keys/{key_id}"),
    ("post", "/api/v1/budgets", "name", "name", "/api/v1/budgets/{name}"),
    ("post", "/api/v1/rate_limits", "name", "name", "/api/v1/rate_limits/{name}"),
    ("post", "/api/v1/webhooks", "id", "webhook_id", "/api/v1/webhooks/{webhook_id}"),
    ("post", "/api/v1/config/apply", "snapshot", "snapshot_id", "/api/v1/snapshots/{snapshot_id}"),
    ("get", "/api/v1/snapshots", "items/0/id", "snapshot_id", "/api/v1/snapshots/{snapshot_id}"),
    ("get", "/api/v1/snapshots", "items/0/id", "snapshot_id", "/api/v1/snapshots/{snapshot_id}/activate"),
    ("get", "/api/v1/snapshots", "items/0/id", "snapshot_id", "/api/v1/snapshots/{snapshot_id}/changes"),
    ("post", "/api/v1/keys", "id", "key_id", "/api/v1/keys/{key_id}/rotate"),
    ("get", "/api/v1/requests", "items/0/id", "request_id", "/api/v1/requests/{request_id}"),
    ("get", "/api/v1/prompts", "items/0/name", "name", "/api/v1/prompts/{name}"),
    ("post", "/api/v1/prompts/catalogue", "source", "source", "/api/v1/prompts/catalogue/{source}"),
    ("post", "/api/v1/rules", "name", "name", "/api/v1/rules/{name}"),
    ("post", "/api/v1/rules", "name", "name", "/api/v1/rules/{name}/versions"),
    ("post", "/api/v1/releases", "id", "release", "/api/v1/releases/{release}"),
    ("post", "/api/v1/environments/{name}", "name", "name", "/api/v1/environments/{name}/status"),
    ("post", "/api/v1/environments/{name}", "name", "name", "/api/v1/environments/{name}/history"),
    ("post", "/api/v1/environments/{name}", "name", "name", "/api/v1/environments/{name}/rollback"),
)
"""Whose answer names an object, by which member, and where that is a parameter."""


class DescriptionPlugin(JsonRenderPlugin):
    """Serves the description; made at the first look."""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json")
        self._text: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the description as JSON."""
        if self._text is None:
            self._text = msgspec.json.encode(describe(request.app, openapi_schema))
        return self._text


def describe(app: Litestar, listed: dict[str, Any]) -> dict[str, Any]:
    """Return the description of an application, from what the framework lists of its routes."""
    described: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(listed))
    operations = list(_operations(app, described))
    kinds = [ErrorBody, NewBudget, NewRateLimit]
    kinds += [kind for _, _, _, handler in operations for kind in _types_of(handler)]
    unique = list({repr(kind): kind for kind in kinds}.values())
    schemas, components = msgspec.json.schema_components(unique, ref_template=_SCHEMAS + "{name}")
    by_type = {repr(kind): schema for kind, schema in zip(unique, schemas, strict=True)}
    for method, path, operation, handler in operations:
        _describe_bodies(operation, handler, by_type)
        _describe_success(operation, handler, _SUCCEEDS.get((method, path)))
        _describe_errors(operation, method, path, by_type[repr(ErrorBody)])
    _describe_inline(components)
    _link(described["paths"])
    described["components"]["schemas"] = _portable(components)
    return described


def _portable(components: dict[str, Any]) -> dict[str, Any]:
    """The same patterns as others read them: only Python's `$` needs to be told of a last line end."""
    return msgspec.json.decode(msgspec.json.encode(components).replace(rb"(?!\\n)$", b"$"))


def _operations(
    app: Litestar, described: dict[str, Any]
) -> Iterator[tuple[str, str, dict[str, Any], HTTPRouteHandler]]:
    """Method, path, description and handler of each operation."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        path = route.path_format or "/"
        for method, (handler, _) in route.route_handler_map.items():
            operation = described["paths"].get(path, {}).get(method.lower())
            if operation is not None:
                yield method, path, operation, handler


def _types_of(handler: HTTPRouteHandler) -> Iterator[Any]:
    """The types that are read from and written to JSON by a handler."""
    if handler.parsed_data_field is not None:
        yield _plain(handler.parsed_data_field.annotation)
    yield from _answers_of(handler)


def _answers_of(handler: HTTPRouteHandler) -> list[Any]:
    """What a handler may answer: several where its return type is a union of objects."""
    answer = _plain(handler.parsed_return_field.annotation)
    members = [each for each in get_args(answer) if _is_described(each)]
    if get_origin(answer) in (Union, types.UnionType) and len(members) > 1:
        return members
    return [answer] if _is_described(answer) else []


def _plain(annotation: Any) -> Any:
    """What stands inside `Response[...]`."""
    if get_origin(annotation) is Response:
        return get_args(annotation)[0]
    return annotation


def _is_described(kind: Any) -> bool:
    origin = get_origin(kind) or kind
    if origin in (Union, types.UnionType):
        return True
    return isinstance(origin, type) and issubclass(origin, msgspec.Struct)


def _describe_bodies(operation: dict[str, Any], handler: HTTPRouteHandler, by_type: dict[str, Any]) -> None:
    if handler.parsed_data_field is not None:
        schema = by_type[repr(_plain(handler.parsed_data_field.annotation))]
        required = type(None) not in get_args(_plain(handler.parsed_data_field.annotation))
        operation["requestBody"] = {"required": required, "content": {JSON: {"schema": schema}}}
    succeeded = operation["responses"][str(handler.status_code)]
    schemas = [by_type[repr(answer)] for answer in _answers_of(handler)]
    if schemas:
        schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        succeeded["content"] = {JSON: {"schema": schema}}
    elif handler.parsed_return_field.annotation is ServerSentEvent:
        succeeded["content"] = {EVENTS: {"schema": _event(_EVENTS[handler.handler_name])}}
    elif handler.parsed_return_field.annotation is Stream:
        succeeded["content"] = {LINES: {"schema": {"type": "string"}}}


def _event(names: tuple[str, ...]) -> dict[str, Any]:
    """One event of a stream, which before OpenAPI 3.2 is what the schema of a stream stands for."""
    members = {"event": {"type": "string", "enum": names}, "data": {"type": "string"}}
    return {"type": "object", "properties": members, "required": ["event", "data"]}


def _describe_success(
    operation: dict[str, Any], handler: HTTPRouteHandler, further: tuple[int, str] | None
) -> None:
    """A second status of success, with the body of the first where it may have one."""
    if further is None:
        return
    status, meaning = further
    answer: dict[str, Any] = {"description": meaning}
    if status < 300:
        answer["content"] = operation["responses"][str(handler.status_code)]["content"]
    operation["responses"][str(status)] = answer


def _describe_errors(operation: dict[str, Any], method: str, path: str, error: dict[str, Any]) -> None:
    statuses = {400, 403, *_FURTHER.get(path, ())}
    if operation.get("security"):
        statuses |= {401, 503}
    if "{" in path:
        statuses.add(404)
    if method in _WRITES:
        statuses.add(409)
    if "requestBody" in operation:
        statuses.add(413)
    for status in sorted(statuses):
        operation["responses"][str(status)] = {
            "description": _ERRORS[status],
            "content": {JSON: {"schema": error}},
        }
    if operation.get("parameters"):
        # The gateway's own words, in the shape of its routes: nothing of the address reaches this process.
        operation["responses"]["414"] = {"description": "the address is longer than 16 KiB"}
    if path == "/readyz":
        succeeded = operation["responses"]["200"]["content"]
        operation["responses"]["503"] = {"description": "calls can't be served", "content": succeeded}


def _describe_inline(components: dict[str, Any]) -> None:
    """The meters that come along with a key are read by another slice, as its own routes read them."""
    members = components["CreateKey"]["properties"]
    members["budgets"]["items"] = {"$ref": f"{_SCHEMAS}NewBudget"}
    members["rate_limits"]["items"] = {"$ref": f"{_SCHEMAS}NewRateLimit"}


def _link(paths: dict[str, Any]) -> None:
    """Say in the description of what names an object where that object is found again."""
    for method, maker, member, parameter, path in _LEADS:
        operation = paths[maker][method]
        made = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        for operation in paths[path].values():
            made.setdefault("links", {})[operation["operationId"]] = {
                "operationId": operation["operationId"],
                "parameters": {parameter: f"$response.body#/{member}"},
            }
