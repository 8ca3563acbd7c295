"""The SDK of this process: which server it reports to, set up once, at the first use or by `configure`.

Module functions, because `headgate.observe` decorates functions before anybody could pass anything on. Never
raises into the application. Read next: `sdk.spans`, `sdk.outbox`.
"""

import atexit
import os
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast

from headgate.sdk.border import guarded, say_once

if TYPE_CHECKING:
    from headgate.sdk.observing import Observed
    from headgate.sdk.surroundings import Surroundings
    from headgate.sdk.wrapping import Run

EXIT_S: Final = 2.0
"""How long an application that ends waits for what has not been sent."""
MISSING: Final = "OpenTelemetry can't be loaded, so nothing is observed: pip install 'headgate[sdk]'"
NO_KEY: Final = "nothing is sent to Headgate: set HEADGATE_KEY, or call headgate.configure(url=..., key=...)"


class Options(NamedTuple):
    """What is said of the server and of this application."""

    url: str
    key: str
    service: str = ""
    capture: bool = True


class Tracing(Protocol):
    """What `sdk.spans` does; it is loaded at the first use."""

    options: Options

    def observe(self, observed: "Observed", args: tuple[object, ...], kwargs: dict[str, object]) -> "Run":
        """Begin a span."""
        ...

    def surround(self, surroundings: "Surroundings") -> "Run":
        """Begin surroundings, without a span."""
        ...

    def headers(self) -> dict[str, str]:
        """The headers of a call made now."""
        ...

    def current(self) -> tuple[str, str] | None:
        """The ids of the trace and the span that are current."""
        ...

    def flush(self, timeout_s: float) -> bool:
        """Send what waits."""
        ...

    def close(self, timeout_s: float) -> bool:
        """Send what waits, for the last time."""
        ...


class _Installed:
    """What is set up so far."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.options: Options | None = None
        self.enabled = True
        self.tracing: Tracing | None = None
        self.is_known = False
        self.flushes: list[Callable[[float], bool]] = []


_installed = _Installed()


def configure(
    *,
    url: str | None = None,
    key: str | None = None,
    service: str | None = None,
    capture: bool = True,
    enabled: bool = True,
) -> None:
    """Say which server this process reports to; what is left out comes from HEADGATE_URL and HEADGATE_KEY.

    Call it once the application has set up OpenTelemetry, where it does. `service` names the application,
    `capture=False` keeps arguments and results out, `enabled=False` observes nothing.
    """
    guarded(_configure, url, key, service, capture=capture, enabled=enabled)


def flush(timeout_s: float = 5.0) -> bool:
    """Wait until what was observed so far has been sent; False where that takes longer."""
    until = time.monotonic() + timeout_s
    done = [guarded(each, max(0.0, until - time.monotonic())) for each in list(_installed.flushes)]
    return all(done)


def tracing() -> Tracing | None:
    """Return what makes spans, set up at the first use; None where nothing is observed."""
    if _installed.is_known:
        return _installed.tracing
    return guarded(_set_up)


def options() -> Options:
    """Return which server this process reports to."""
    if _installed.options is None:
        guarded(_configure, None, None, None)
    return _installed.options or Options("", "")


def at_flush(flush_one: Callable[[float], bool]) -> None:
    """Have something flushed with the rest, and when the process ends."""
    _installed.flushes.append(flush_one)


def _configure(
    url: str | None, key: str | None, service: str | None, *, capture: bool = True, enabled: bool = True
) -> None:
    settings = import_module("headgate.settings").Settings.from_environment()
    own_key = settings.key.reveal() if settings.key is not None else ""
    place = (url or settings.url).rstrip("/").removesuffix("/v1").rstrip("/")
    if not place.startswith(("http://", "https://")):
        say_once(f"headgate.configure: {place!r} is no address; write such as http://127.0.0.1:4400")
        return
    with _installed.lock:
        _installed.options = Options(place, key or own_key, service or "", capture)
        _installed.enabled = enabled
        _installed.is_known = False
    _set_up()


def _set_up() -> Tracing | None:
    with _installed.lock:
        if _installed.is_known:
            return _installed.tracing
        if _installed.options is None:
            _installed.is_known = True  # whatever comes of it, it is tried once
            _configure(None, None, None)
            return _installed.tracing
        _installed.tracing = _make(_installed.options) if _installed.enabled else None
        _installed.is_known = True
        return _installed.tracing


def _make(chosen: Options) -> Tracing | None:
    try:
        spans = import_module("headgate.sdk.spans")
    except ImportError as error:
        say_once(f"{MISSING} ({error})")
        return None
    if not chosen.key:
        say_once(NO_KEY)
    return cast("Tracing | None", spans.install(chosen))


def _at_exit() -> None:
    flush(EXIT_S)


def _forked() -> None:
    _installed.lock = threading.RLock()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
