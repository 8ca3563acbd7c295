"""Model calls through the gateway, as commands make them: one connection for each thread.

Read next: `checks.answering`, `cli.asking`.
"""

import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from headgate.checks.answering import Halted, Said
from headgate.cli.asking import Answer, Connection, NoAnswer, TooSlow
from headgate.cli.command import Api
from headgate.cli.failure import CommandFailed
from headgate.core.money import parse_usd

TIMEOUT_S: Final = 120.0
TAG_CHARACTERS_MAX: Final = 64
TRIES: Final = 3
WAIT_S: Final = 0.5


class ModelCalls:
    """Sends model calls with a key, tagged. Implements `checks.answering.Ask`."""

    def __init__(self, url: str, key: str | None, *, tags: tuple[str, ...], timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._tags = ",".join(tags)
        self._timeout_s = timeout_s
        self._own = threading.local()
        self._all: list[Connection] = []
        self._busy: set[Connection] = set()
        self._lock = threading.Lock()
        self._is_closed = False

    def __call__(self, path: str, body: Mapping[str, Any]) -> Said:
        """Send and wait. An answer that takes too long counts as one that failed. Raises Halted."""
        content = msgspec.json.encode(body)
        began = time.monotonic()
        for number in range(TRIES):
            try:
                answer = self._ask(path, content)
            except TooSlow:
                said = f'{{"error": {{"message": "no answer within {self._timeout_s:g} s"}}}}'
                return Said(status=504, headers={}, content=said.encode(), duration_ms=_since(began))
            except NoAnswer as error:
                if self._is_closed:
                    raise Halted("the run has ended", "go on") from None
                if number == TRIES - 1:
                    raise Halted(
                        f"no server answers at {self._url} ({error})",
                        "start one with `headgate up`, or name yours with --url or HEADGATE_URL; then go on",
                    ) from None
                time.sleep(WAIT_S * 2**number)
                continue
            return Said(
                status=answer.status,
                headers=answer.headers,
                content=answer.content,
                duration_ms=_since(began),
            )
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close all connections; whoever waits for an answer on one gets none, and closes it."""
        with self._lock:
            self._is_closed = True
            for connection in self._all:
                if connection in self._busy:
                    connection.abort()
                else:
                    connection.close()

    def _ask(self, path: str, content: bytes) -> Answer:
        connection = self._connection()
        with self._lock:
            if self._is_closed:
                raise NoAnswer("it was closed")
            self._busy.add(connection)
        try:
            return connection.ask("POST", path, body=content, headers={"x-headgate-tags": self._tags})
        finally:
            with self._lock:
                self._busy.discard(connection)
                if self._is_closed:
                    connection.close()

    def _connection(self) -> Connection:
        found: Connection | None = getattr(self._own, "connection", None)
        if found is None:
            found = self._own.connection = Connection(self._url, self._headers, self._timeout_s)
            with self._lock:
                self._all.append(found)
        return found


@contextmanager
def calling(api: Api, *tags: str, timeout_s: float = TIMEOUT_S) -> Generator[ModelCalls]:
    """Open the way to the gateway, with these tags. Raises CommandFailed in place of Halted."""
    calls = ModelCalls(
        api.client.url,
        api.client.key,
        tags=tuple(tag[:TAG_CHARACTERS_MAX] for tag in tags),
        timeout_s=timeout_s,
    )
    try:
        yield calls
    except Halted as halted:
        raise CommandFailed(halted.message, halted.hint) from None
    finally:
        calls.close()


def budget_of(text: str | None) -> int | None:
    """Read what calls may cost, as pico-USD; None is without end. Raises CommandFailed."""
    try:
        return None if text is None else parse_usd(text)
    except ValueError as error:
        raise CommandFailed(f"--budget {error}", "write US dollars, such as 0.50") from None


def _since(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 1)
