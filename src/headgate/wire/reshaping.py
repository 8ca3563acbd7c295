"""The body of a call for an endpoint that wants other members than its dialect says: some out, some in.

Clouds serve other makers' dialects with the model in the path and a version in the body. Only those members'
bytes change. Never reads what they mean. Read next: `wire.members`, `gateway.way`.
"""

from collections.abc import Mapping

import msgspec

from headgate.wire.members import Watched, read_members

_encode = msgspec.json.Encoder().encode
_WATCHED = Watched()


def reshaped(body: bytes, *, without: str | None, added: Mapping[str, str]) -> bytes:
    """Return a JSON object without the member `without`, and with those of `added` that it does not hold.

    Raises InvalidRequest for what is no JSON object.
    """
    members = read_members(body, _WATCHED)
    kept = [(key, member.raw) for key, member in members.items() if key != without]
    kept += [(key, _encode(value)) for key, value in added.items() if key not in members]
    return b"{" + b",".join([_encode(key) + b":" + raw for key, raw in kept]) + b"}"
