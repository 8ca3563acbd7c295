"""Takes a request's target apart: path and query, or why it is not for us.

Pure. Never here: what is served under a path. Source: RFC 9112, section 3.2. Read next: `checks`.
"""

import re
from typing import Final

_ABSOLUTE: Final = re.compile(rb"https?://([^/?#]+)(.*)", re.IGNORECASE)


def split_target(target: bytes, method: bytes, host: bytes) -> tuple[str, bytes] | None:
    """Return path and query as they came, percent-encoded; None for what is no target of ours.

    A target in absolute form is taken only where it names the same host as Host: whoever is behind us goes by
    one of them, and not everyone by the same. A fragment is left out.
    """
    if target[:1] != b"/":
        if target == b"*":
            return ("*", b"") if method == b"OPTIONS" else None
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None or absolute[1].lower() != host.lower():
            return None
        target = absolute[2] if absolute[2][:1] == b"/" else b"/" + absolute[2]
    path, _, query = target.partition(b"#")[0].partition(b"?")
    return (path.decode("ascii"), query) if path.isascii() else None
