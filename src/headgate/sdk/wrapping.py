"""Functions of every sort wrapped so that each run of them is known: plain, async, generators of both sorts.

What was a generator function stays one, and so on, since frameworks ask. Never changes what a function
returns, yields or raises. Knows nothing of spans. Read next: `sdk.observing`, `sdk.spans`.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from types import TracebackType
from typing import Any, Protocol, cast

AnyFunction = Callable[..., Any]


class Run(Protocol):
    """One run of a function. Nothing here raises."""

    def enter(self) -> object:
        """Make the run's surroundings those of what is called now; answers what `leave` takes."""
        ...

    def leave(self, token: object) -> None:
        """Give way to the surroundings before; the run's are kept for when it goes on."""
        ...

    def yielded(self, item: object) -> None:
        """A generator has given something."""
        ...

    def returned(self, value: object) -> None:
        """The run has ended well."""
        ...

    def raised(self, error: BaseException) -> None:
        """The run has ended otherwise."""
        ...

    def closed(self) -> None:
        """Nobody wants more of a generator."""
        ...


Start = Callable[[tuple[Any, ...], dict[str, Any]], Run | None]
"""Begins a run, with the arguments of the call; None where there is nothing to know."""


def wrapped(function: AnyFunction, start: Start) -> AnyFunction:
    """Return a function that does as this one does, between `start` and the end of its run."""
    if isinstance(function, classmethod | staticmethod):
        kind = cast("Callable[[AnyFunction], AnyFunction]", type(cast("object", function)))
        return kind(wrapped(cast("AnyFunction", function.__func__), start))
    if inspect.isasyncgenfunction(function):
        return _async_generator(function, start)
    if inspect.isgeneratorfunction(function):
        return _generator(function, start)
    if inspect.iscoroutinefunction(function):
        return _async(function, start)
    return _plain(function, start)


def _plain(function: AnyFunction, start: Start) -> AnyFunction:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        run = start(args, kwargs)
        if run is None:
            return function(*args, **kwargs)
        token = run.enter()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            run.leave(token)
            run.raised(error)
            raise
        run.leave(token)
        return _handed_on(result, run)

    return call


def _async(function: AnyFunction, start: Start) -> AnyFunction:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        run = start(args, kwargs)
        if run is None:
            return await function(*args, **kwargs)
        token = run.enter()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            run.leave(token)
            run.raised(error)
            raise
        run.leave(token)
        return _handed_on(result, run)

    return call


def _generator(function: AnyFunction, start: Start) -> AnyFunction:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        inner = function(*args, **kwargs)
        run = start(args, kwargs)
        steps: Generator[Any, Any, Any] = inner if run is None else Steps(inner, run)
        return (yield from steps)

    return call


def _async_generator(function: AnyFunction, start: Start) -> AnyFunction:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner = function(*args, **kwargs)
        run = start(args, kwargs)
        steps = inner if run is None else AsyncSteps(inner, run)
        step = steps.asend(None)
        while True:
            try:
                item = await step
            except StopAsyncIteration:
                return
            sent: Any = None
            try:
                with _Thrown() as thrown:
                    sent = yield item
            except GeneratorExit:
                await steps.aclose()
                raise
            step = steps.asend(sent) if thrown.error is None else steps.athrow(thrown.error)

    return call


def _handed_on(result: Any, run: Run) -> Any:
    """End a run; where its result is a generator, the run ends with that."""
    if inspect.isgenerator(result):
        return Steps(cast("Generator[Any, Any, Any]", result), run)
    if inspect.isasyncgen(result):
        return AsyncSteps(cast("AsyncGenerator[Any, Any]", result), run)
    run.returned(result)
    return result


class _Thrown:
    """Takes what a consumer throws into a generator, for it to be thrown into the one inside."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> "_Thrown":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.error = error
        return error is not None and not isinstance(error, GeneratorExit)


class _Walk:
    """What a generator's steps and an async one's share: the run that they are in, and its end."""

    _run: Run
    _ended = False

    def _end(self, token: object, error: BaseException | None) -> None:
        self._ended = True
        self._run.leave(token)
        if error is None:
            self._run.closed()
        else:
            self._run.raised(error)

    def _return(self, token: object, value: object) -> None:
        self._ended = True
        self._run.leave(token)
        self._run.returned(value)

    def _yield(self, token: object, item: object) -> None:
        self._run.leave(token)
        self._run.yielded(item)


class Steps(_Walk, Generator[Any, Any, Any]):
    """A generator, each step of which is in the surroundings of its run, and none of its consumer's is."""

    def __init__(self, inner: Generator[Any, Any, Any], run: Run) -> None:
        self._inner = inner
        self._run = run

    def send(self, value: Any, /) -> Any:
        """Go on with a value."""
        return self._step(self._inner.send, value)

    def throw(self, kind: Any, value: Any = None, trace: TracebackType | None = None, /) -> Any:
        """Go on with an error."""
        error = value if isinstance(value, BaseException) else kind
        return self._step(self._inner.throw, error)

    def close(self) -> None:
        """End before the end."""
        token = self._run.enter()
        try:
            self._inner.close()
        except BaseException as error:
            self._end(token, error)
            raise
        self._end(token, None)

    def __del__(self) -> None:
        if not self._ended:
            self.close()

    def _step(self, go_on: AnyFunction, given: Any) -> Any:
        token = self._run.enter()
        try:
            item = go_on(given)
        except StopIteration as stop:
            self._return(token, stop.value)
            raise
        except BaseException as error:
            self._end(token, error)
            raise
        self._yield(token, item)
        return item


class AsyncSteps(_Walk, AsyncGenerator[Any, Any]):
    """The same for an async generator."""

    def __init__(self, inner: AsyncGenerator[Any, Any], run: Run) -> None:
        self._inner = inner
        self._run = run

    async def asend(self, value: Any, /) -> Any:
        """Go on with a value."""
        return await self._step(self._inner.asend, value)

    async def athrow(self, kind: Any, value: Any = None, trace: TracebackType | None = None, /) -> Any:
        """Go on with an error."""
        error = value if isinstance(value, BaseException) else kind
        return await self._step(self._inner.athrow, error)

    async def aclose(self) -> None:
        """End before the end."""
        token = self._run.enter()
        try:
            await self._inner.aclose()
        except BaseException as error:
            self._end(token, error)
            raise
        self._end(token, None)

    def __del__(self) -> None:
        if not self._ended:
            self._ended = True
            self._run.closed()

    async def _step(self, go_on: AnyFunction, given: Any) -> Any:
        token = self._run.enter()
        try:
            item = await go_on(given)
        except StopAsyncIteration:
            self._return(token, None)
            raise
        except BaseException as error:
            self._end(token, error)
            raise
        self._yield(token, item)
        return item
