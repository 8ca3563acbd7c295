"""Which targets a datum's label admits. Pure, and closed where in doubt: an unknown region is nowhere.

What this returns is the only list that routing, retries and fallback see; `policy.egress` checks each attempt
once more.
"""

from collections.abc import Iterable

import msgspec

from headgate.catalog.kinds import fold_regions
from headgate.catalog.model import Target
from headgate.core.entries import Excluded
from headgate.core.faults import NotAllowed
from headgate.core.labels import Label


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """The targets that a call may go to, in their order, and why the others may not be tried."""

    allowed: tuple[Target, ...]
    excluded: tuple[Excluded, ...] = ()


def admit(targets: Iterable[Target], label: Label) -> Admitted:
    """Split targets into those whose regions all lie within the label's, and the rest with its reasons."""
    listed = tuple(targets)
    if label.regions is None:
        return Admitted(allowed=listed)
    allowed: list[Target] = []
    excluded: list[Excluded] = []
    for target in listed:
        if label.allows_regions(target.regions):
            allowed.append(target)
        else:
            reason = denial(target.provider.name, target.regions, label)
            excluded.append(Excluded(target=target.name, reason=reason))
    return Admitted(allowed=tuple(allowed), excluded=tuple(excluded))


def denial(provider: str, regions: frozenset[str], label: Label) -> str:
    """Say in words why an endpoint in `regions` may not see a datum with this label."""
    if label.regions is None:
        return ""
    permitted = ", ".join(fold_regions(label.regions)) or "nowhere"
    if not regions:
        return f"the regions of {provider} are not known, which counts as nowhere; permitted: {permitted}"
    outside = ", ".join(sorted(regions - label.regions))
    return f"{provider} processes in {outside}; permitted: {permitted}"


def residency_denied(every: Iterable[Excluded]) -> NotAllowed:
    """Return the refusal for a call that no target may take, listing each with its reason."""
    reasons = "; ".join(f"{excluded.target}: {excluded.reason}" for excluded in every)
    return NotAllowed(
        f"no target of this call lies in the permitted regions ({reasons}). Ask for another model, or set "
        "`regions` of a provider that does",
        code="residency_denied",
    )
