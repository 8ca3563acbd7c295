"""What of a request was refused or left out, and why: the first few reasons, and how many more there are."""

from headgate.traces.otlp.bounds import REASON_CHARACTERS_MAX, REASONS_MAX


class Malformed(Exception):
    """The bytes are no message of OTLP at all: nothing of them can be taken."""


class Wrong(Exception):
    """One span, log record or data point can't be taken: `field` holds what it must not. The rest can."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field} {why}")


class Reasons:
    """Counts what is refused of one request, and keeps the first reasons."""

    __slots__ = ("_more", "_noun", "_said", "rejected")

    def __init__(self, noun: str) -> None:
        self.rejected = 0
        self._noun = noun
        self._said: list[str] = []
        self._more = 0

    def reject(self, which: str, why: str, count: int = 1) -> None:
        """Count what is refused, and say why."""
        self.rejected += count
        self._say(f"{which} refused: {why}")

    def mention(self, which: str, what: str) -> None:
        """Say what was left out of something that is kept."""
        self._say(f"{which}: {what}")

    def text(self) -> str:
        """Return what is said to the exporter; empty where nothing is to be said."""
        if not self._said:
            return ""
        head = f"{self.rejected} {self._noun} refused" if self.rejected else f"all {self._noun} kept, in part"
        more = f"; and {self._more} more" if self._more else ""
        return f"{head}: {'; '.join(self._said)}{more}"

    def _say(self, text: str) -> None:
        if len(self._said) < REASONS_MAX:
            self._said.append(text[:REASON_CHARACTERS_MAX])
        else:
            self._more += 1
