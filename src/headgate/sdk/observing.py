"""`@headgate.observe`: each run of a function as a span, with what went in and what came out.

Loads nothing of OpenTelemetry before the first call. Read next: `sdk.wrapping`, `sdk.spans`.
"""

import inspect
from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeVar, overload

from headgate.sdk import installing
from headgate.sdk.border import guarded, say_once
from headgate.sdk.wrapping import Run, wrapped

ObservedKind = Literal[
    "span",
    "llm",
    "embedding",
    "tool",
    "retriever",
    "reranker",
    "agent",
    "workflow",
    "guardrail",
    "evaluator",
    "prompt",
]
"""What a step is, as traces show it."""

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Observed:
    """What is known of a function before it runs. `parameters` are the names of its positional ones; those
    that are not captured (`self`, `cls`) stand there as empty text."""

    __slots__ = ("attributes", "capture_input", "capture_output", "name", "parameters")

    def __init__(
        self,
        function: Any,
        name: str | None,
        kind: ObservedKind,
        *,
        capture_input: bool,
        capture_output: bool,
    ) -> None:
        function = inspect.unwrap(getattr(function, "__func__", function))
        own = str(getattr(function, "__qualname__", type(function).__qualname__))
        self.name = name or own.rpartition("<locals>.")[2]
        self.parameters = _parameters(function)
        self.capture_input = capture_input
        self.capture_output = capture_output
        self.attributes: dict[str, str] = {
            "code.function.name": f"{getattr(function, '__module__', '')}.{own}"
        }
        if kind != "span":
            said = "CHAIN" if kind == "workflow" else kind.upper()
            self.attributes["openinference.span.kind"] = said

    def start(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Run | None:
        """Begin a run; None where nothing is observed here."""
        tracing = installing.tracing()
        return None if tracing is None else guarded(tracing.observe, self, args, kwargs)


@overload
def observe(function: Callable[Given, Result], /) -> Callable[Given, Result]: ...
@overload
def observe(
    *,
    name: str | None = None,
    kind: ObservedKind = "span",
    capture_input: bool = True,
    capture_output: bool = True,
) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]: ...
def observe(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    kind: ObservedKind = "span",
    capture_input: bool = True,
    capture_output: bool = True,
) -> Any:
    """Make a span of each run of a function, generator, coroutine or async generator.

    Spans of what it calls, also those of other instrumentation, lie below it. `name` is the function's own by
    default. Arguments and results are kept up to 64 KiB each; what is called such as `api_key` is masked.
    """

    def decorate(target: Any) -> Any:
        observed = guarded(
            Observed, target, name, kind, capture_input=capture_input, capture_output=capture_output
        )
        if observed is None:
            return target
        return wrapped(target, observed.start)

    if (
        function is not None
        and not callable(function)
        and not isinstance(function, classmethod | staticmethod)
    ):
        say_once(
            f"headgate.observe was given {type(function).__name__}, which is no function; name it by name="
        )
        return decorate
    return decorate if function is None else decorate(function)


def _parameters(function: Any) -> tuple[str, ...]:
    try:
        found = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return ()  # written in C, without a signature
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [parameter.name for parameter in found if parameter.kind in kinds]
    if names and names[0] in ("self", "cls"):
        names[0] = ""
    return tuple(names)
