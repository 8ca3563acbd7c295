"""Header fields as the ports carry them: in order, names in lower case. Pure."""

from headgate.core.ports import Headers


def first_field(headers: Headers, name: bytes) -> bytes | None:
    """Return the value of the first field of a lower-case name; None where there is none."""
    for field in headers:
        if field[0] == name:
            return field[1]
    return None


def announced_bytes(length: bytes) -> int:
    """Return the length that a value of Content-Length says, once the parser has taken it.

    Any number of zeros may stand before it; Python reads at most 4,300 digits.
    """
    return int(length.lstrip(b"0") or b"0")
