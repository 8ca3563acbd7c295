"""The one way out of the system: each request is checked against its label right before anything leaves.

Never decides where to go (`gateway.route`) and never opens a connection itself (the transports do).
"""

from collections.abc import Awaitable, Mapping

from headgate.core.faults import NotAllowed, UpstreamError
from headgate.core.labels import Label
from headgate.core.ports import Answer, Outgoing, Transport
from headgate.policy.residency import denial


class GuardedEgress:
    """Implements `core.ports.Egress` over one transport a scheme."""

    __slots__ = ("_transports",)

    def __init__(self, transports: Mapping[str, Transport]) -> None:
        self._transports = dict(transports)

    def send(self, outgoing: Outgoing, *, regions: frozenset[str], label: Label) -> Awaitable[Answer]:
        """Send if the label allows all of `regions`; the answer has to be awaited.

        Raises at once NotAllowed (`residency_denied`) before anything leaves, UpstreamError for a scheme that
        has no transport, and what the transport raises.
        """
        if label.regions is not None and not label.allows_regions(regions):
            reason = denial(outgoing.origin.host, regions, label)
            raise NotAllowed(f"nothing was sent: {reason}", code="residency_denied")
        transport = self._transports.get(outgoing.origin.scheme)
        if transport is None:
            served = ", ".join(sorted(self._transports)) or "none"
            raise UpstreamError(
                f"nothing here speaks {outgoing.origin.scheme}:// (served: {served})", sent=False
            )
        return transport.send(outgoing)

    async def close(self) -> None:
        """Close every transport's idle connections."""
        for transport in dict.fromkeys(self._transports.values()):
            await transport.close()
