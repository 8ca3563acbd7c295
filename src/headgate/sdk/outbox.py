"""What waits to be sent, and the thread that sends it: bounded, never in the application's way.

`put` never waits and never fails; where the queue is full, what comes is dropped and counted. The child of a
fork begins with an empty queue and a thread of its own. Read next: `sdk.delivering`.
"""

import os
import queue
import random
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

from headgate.sdk.border import guarded, say_once

ITEMS_MAX: Final = 8192
BYTES_MAX: Final = 32 * 1024 * 1024
BATCH_ITEMS: Final = 512
BATCH_BYTES: Final = 2 * 1024 * 1024
LINGER_S: Final = 0.1
"""How long the first of a batch waits for others."""
BACK_OFF_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
GIVE_UP_S: Final = 300.0

Item = TypeVar("Item")


class Outcome(NamedTuple):
    """What became of a batch: taken, to be sent again (perhaps after some seconds), or refused for good."""

    became: Literal["taken", "again", "refused"]
    why: str = ""
    after_s: float = 0.0


class _Marker:
    """Stands in the queue where somebody waits for all before it."""

    def __init__(self) -> None:
        self.reached = threading.Event()


class Outbox(Generic[Item]):
    """Items on their way to `deliver`, which is called on one thread, started at the first item."""

    def __init__(self, what: str, deliver: Callable[[Sequence[Item]], Outcome]) -> None:
        self.dropped = 0
        self._what = what
        self._deliver = deliver
        self._begin()
        _outboxes.add(self)

    def _begin(self) -> None:
        # Both may be entered again by the same thread: garbage that is collected in `put` may end a span.
        self._queue: queue.SimpleQueue[tuple[Item, int] | _Marker] = queue.SimpleQueue()
        self._lock = threading.RLock()
        self._bytes = 0
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()
        self._closed = False

    def put(self, item: Item, size: int) -> bool:
        """Take an item of about `size` bytes along; False where there is no room."""
        with self._lock:
            if self._closed or self._queue.qsize() >= ITEMS_MAX or self._bytes + size > BYTES_MAX:
                self._drop(1, "its queue is full")
                return False
            self._bytes += size
            self._queue.put((item, size))
            if self._thread is None or not self._thread.is_alive():
                self._start()
        return True

    def flush(self, timeout_s: float) -> bool:
        """Wait until what was put before has been sent or dropped; False where that takes longer."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                return self._queue.empty()
            marker = _Marker()
            self._queue.put(marker)
        self._hurry.set()
        return marker.reached.wait(timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Flush, and take nothing more."""
        done = self.flush(timeout_s)
        self._closed = True
        return done

    def forked(self) -> None:
        """Begin anew in the child of a fork: what waits is the parent's to send."""
        self._begin()

    def _start(self) -> None:
        # A daemon, so that no application is kept from ending; `close` is given two seconds for the rest.
        self._thread = threading.Thread(target=self._run, name=f"headgate {self._what}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            first = self._queue.get()
            if not isinstance(first, _Marker) and self._queue.qsize() < BATCH_ITEMS:
                self._hurry.wait(LINGER_S)
            self._take(first)

    def _take(self, first: tuple[Item, int] | _Marker) -> None:
        """Send what waits, a batch at a time, up to the first marker or the end."""
        found: tuple[Item, int] | _Marker | None = first
        batch: list[Item] = []
        size = 0
        while found is not None and not isinstance(found, _Marker):
            batch.append(found[0])
            size += found[1]
            if len(batch) >= BATCH_ITEMS or size >= BATCH_BYTES:
                break
            found = self._next()
        if batch:
            guarded(self._send, batch)
            with self._lock:
                self._bytes -= size
        if isinstance(found, _Marker):
            self._hurry.clear()
            found.reached.set()

    def _next(self) -> tuple[Item, int] | _Marker | None:
        try:
            return self._queue.get_nowait()
        except queue.Empty:
            return None

    def _send(self, batch: Sequence[Item]) -> None:
        until = time.monotonic() + GIVE_UP_S
        for attempt in range(1_000_000):
            outcome = self._deliver(batch)
            if outcome.became == "taken":
                if outcome.why:
                    say_once(outcome.why)
                return
            if outcome.became == "refused" or time.monotonic() > until or self._closed:
                self._drop(len(batch), outcome.why)
                self._hurry.wait(min(outcome.after_s, BACK_OFF_S[-1]))
                return
            say_once(f"headgate {self._what} wait: {outcome.why}; they are sent again")
            pause_s = BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)] * random.uniform(0.75, 1.25)
            self._hurry.wait(max(pause_s, min(outcome.after_s, BACK_OFF_S[-1])))
            if self._hurry.is_set():
                # Somebody waits, so it is tried once more at once; then those who wait have their own bound.
                self._hurry.clear()

    def _drop(self, count: int, why: str) -> None:
        self.dropped += count
        say_once(f"headgate {self._what} are dropped: {why}")


_outboxes: "weakref.WeakSet[Outbox[Any]]" = weakref.WeakSet()


def _forked() -> None:
    for outbox in list(_outboxes):
        outbox.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
