"""The label of a datum: who may read it, where it may be, what it may be used for.

Labels only ever get narrower: joining two data intersects what is allowed. Enforced in `policy.residency`
and again by `policy.egress`. `None` means unrestricted; an empty set means nobody, or nowhere.
"""

import msgspec


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What is allowed with a datum. Each part is a closed set, or None where nothing restricts it."""

    readers: frozenset[str] | None = None
    regions: frozenset[str] | None = None
    purposes: frozenset[str] | None = None

    def join(self, other: "Label") -> "Label":
        """Return the label of a datum made from data with these two labels: the narrower in each part."""
        return Label(
            readers=_narrower(self.readers, other.readers),
            regions=_narrower(self.regions, other.regions),
            purposes=_narrower(self.purposes, other.purposes),
        )

    def allows_regions(self, regions: frozenset[str]) -> bool:
        """Say whether an endpoint in `regions` may see the datum: all of them must be allowed.

        An endpoint whose regions are not known (the empty set) is nowhere, and so never allowed under a
        restriction.
        """
        if self.regions is None:
            return True
        return bool(regions) and regions <= self.regions


UNRESTRICTED = Label()


def label_text(label: Label) -> str:
    """Write a label as JSON in one way only, so that equal labels are equal texts; empty if unrestricted."""
    if label == UNRESTRICTED:
        return ""
    parts = {
        name: sorted(values)
        for name, values in (
            ("purposes", label.purposes),
            ("readers", label.readers),
            ("regions", label.regions),
        )
        if values is not None
    }
    return msgspec.json.encode(parts).decode()


def _narrower(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None:
        return other
    return one if other is None else one & other
