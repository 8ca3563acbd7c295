"""What every reader of a stream shares: a fault never takes with it what came before.

What was read of the bytes that hold a fault is said first, the fault by the next call: how the bytes were cut
makes no difference. Read next: `wire.dialects.model.EventsIn`.
"""

from headgate.core.events import Event
from headgate.core.faults import UpstreamError


class StreamReading:
    """Reads one stream: implements `wire.dialects.model.EventsIn` for who reads bytes and their end."""

    def __init__(self) -> None:
        self._fault: UpstreamError | None = None

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; return what has happened. Raises UpstreamError for what is no stream."""
        if self._fault is not None:
            raise self._fault
        events: list[Event] = []
        try:
            self._feed(data, events)
        except UpstreamError as fault:
            self._fault = fault
            if not events:
                raise
        return events

    def end(self) -> list[Event]:
        """The connection has ended; return what that ends. Without `Ended` among all events it was cut.

        Raises UpstreamError.
        """
        if self._fault is not None:
            raise self._fault
        events: list[Event] = []
        self._end(events)
        return events

    def _feed(self, data: bytes, events: list[Event]) -> None:
        """Put what has happened into `events`. Raises UpstreamError."""
        raise NotImplementedError

    def _end(self, events: list[Event]) -> None:
        """The same for what the end of the connection ends."""
        raise NotImplementedError
