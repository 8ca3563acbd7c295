"""Whose a span is: what its key says, weighed against what the span says, as it is for calls. Pure.

Read next: `access.caller`, which has the rules.
"""

from typing import Any

import msgspec

from headgate.access.caller import NOTHING_ASSERTED, Asserted, caller_of
from headgate.access.model import Caller, Key, Project
from headgate.core.faults import InvalidRequest
from headgate.traces.model import Span
from headgate.traces.otlp.reasons import Reasons

Said = tuple[str, str, tuple[str, ...], str]


class Owner:
    """Gives the spans of one request to the key that it came with."""

    __slots__ = ("_heard", "_key", "_project", "_reasons")

    def __init__(self, key: Key, reasons: Reasons) -> None:
        self._key = key
        self._project = Project(name=key.project)
        self._reasons = reasons
        self._heard: dict[Said, Caller] = {}

    def own(self, span: Span) -> dict[str, object]:
        """Return the fields of a span that are other than it says."""
        said = (span.user, span.session, span.tags, span.release)
        caller = self._heard.get(said)
        if caller is None:
            caller = self._heard[said] = self._weigh(said)
        return {
            "user": caller.user,
            "session": caller.session,
            "tags": caller.tags,
            "release": caller.release,
            "environment": self._key.environment or span.environment,
        }

    def _weigh(self, said: Said) -> Caller:
        user, session, tags, release = said
        asserted = Asserted(user=user or None, session=session or None, tags=tags, release=release or None)
        try:
            return caller_of(self._key, self._project, asserted)
        except InvalidRequest:
            return self._weigh_each(asserted)

    def _weigh_each(self, asserted: Asserted) -> Caller:
        """Take what can be taken, and say of the rest why it can't be."""
        taken = NOTHING_ASSERTED
        for name in ("user", "session", "tags", "release"):
            one: dict[str, Any] = {name: getattr(asserted, name)}
            try:
                caller_of(self._key, self._project, msgspec.structs.replace(NOTHING_ASSERTED, **one))
            except InvalidRequest as fault:
                self._reasons.mention(name, f"left out: {fault.message}")
            else:
                taken = msgspec.structs.replace(taken, **one)
        return caller_of(self._key, self._project, taken)
