"""`headgate.context`: who and what a run is for, said once and carried to every span and call within.

Read next: `sdk.spans`, which puts it on spans of all instrumentation.
"""

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, ParamSpec, TypeVar, cast

from headgate.core.identity import trace_id_of
from headgate.sdk import installing
from headgate.sdk.border import guarded, say_once
from headgate.sdk.capturing import captured
from headgate.sdk.wrapping import Run, wrapped

TEXT_CHARACTERS_MAX: Final = 200
TAGS_MAX: Final = 64

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Surroundings:
    """What `context` says: `with` it, or decorate a function with it. Within another it adds to that."""

    def __init__(self) -> None:
        self.attributes: dict[str, str | tuple[str, ...]] = {}
        """By OpenTelemetry's and OpenInference's names."""
        self.headers: dict[str, str] = {}
        self.trace_id: bytes = b""
        """That a business id stands for; empty without one."""
        self._entered: list[tuple[Run, object] | None] = []

    def start(self, *_: object) -> Run | None:
        """Begin a run within; None where nothing is observed here."""
        tracing = installing.tracing()
        return None if tracing is None else guarded(tracing.surround, self)

    def __enter__(self) -> "Surroundings":
        run = self.start()
        self._entered.append(None if run is None else (run, run.enter()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        entered = self._entered.pop() if self._entered else None
        if entered is not None:
            run, token = entered
            run.leave(token)

    def __call__(self, function: Callable[Given, Result]) -> Callable[Given, Result]:
        """Run a function within, whenever it is called."""
        return cast("Callable[Given, Result]", wrapped(function, self.start))

    def within(self, outer: "Surroundings | None") -> "Surroundings":
        """Return what holds where both do: tags and metadata of both, else what is said here."""
        if outer is None:
            return self
        both = Surroundings()
        both.attributes = {**outer.attributes, **self.attributes}
        both.headers = {**outer.headers, **self.headers}
        both.trace_id = self.trace_id or outer.trace_id
        tags = (*_tags(outer), *_tags(self))
        if tags:
            both.say_tags(dict.fromkeys(tags))
        return both

    def say_tags(self, tags: Iterable[str]) -> None:
        """Add tags to what is said."""
        said = tuple(_text(tag) for tag in tags)[:TAGS_MAX]
        self.attributes["tag.tags"] = said
        self.say_header("x-headgate-tags", ",".join(said))

    def say_header(self, name: str, value: str) -> None:
        """Add a header, where its value can be one: ASCII that prints."""
        if value.isascii() and value.isprintable():
            self.headers[name] = value


def context(
    *,
    session: str | None = None,
    user: str | None = None,
    tags: Iterable[str] = (),
    release: str | None = None,
    environment: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    business_id: str | None = None,
) -> Surroundings:
    """Say of all spans and calls within who and what they are for: `with headgate.context(user="anna"):`.

    Also a decorator. With `business_id`, such as an order's, the trace that begins within has the id
    `headgate.trace_id_of(business_id)`, so that feedback that comes weeks later can name it.
    """
    surroundings = Surroundings()
    said = {
        "session.id": (session, "x-headgate-session"),
        "user.id": (user, "x-headgate-user"),
        "service.version": (release, "x-headgate-release"),
        "deployment.environment.name": (environment, ""),
    }
    for name, (value, header) in said.items():
        if value is not None:
            surroundings.attributes[name] = _text(value)
            if header:
                surroundings.say_header(header, _text(value))
    guarded(_say_more, surroundings, tags, metadata, business_id)
    return surroundings


def headers() -> dict[str, str]:
    """Return the headers that join a call made now to the current trace, for clients that add none.

    `traceparent` and `x-headgate-session`, `-user`, `-tags` and `-release`, as far as they are known.
    """
    tracing = installing.tracing()
    return {} if tracing is None else guarded(tracing.headers) or {}


def _say_more(
    surroundings: Surroundings,
    tags: Iterable[str],
    metadata: Mapping[str, Any] | None,
    business_id: str | None,
) -> None:
    words = (tags,) if isinstance(tags, str) else tuple(tags)
    if words:
        surroundings.say_tags(words)
    if metadata:
        surroundings.attributes["metadata"] = captured(dict(metadata))
    if business_id is not None:
        surroundings.attributes["headgate.business_id"] = _text(business_id)
        surroundings.trace_id = trace_id_of(str(business_id))


def _tags(surroundings: Surroundings) -> tuple[str, ...]:
    found = surroundings.attributes.get("tag.tags", ())
    return found if isinstance(found, tuple) else (found,)


def _text(value: object) -> str:
    text = value if isinstance(value, str) else guarded(str, value) or ""
    if len(text) > TEXT_CHARACTERS_MAX:
        say_once(f"headgate.context: {text[:40]!r}... has {len(text)} characters; 200 of them are kept")
    return text[:TEXT_CHARACTERS_MAX]
