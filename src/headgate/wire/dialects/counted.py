"""A count of tokens as any provider answers it: one object, in which one member is the number. Pure.

Read next: `counting`.
"""

from typing import cast

from headgate.core.chat import Fields
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.fields import decode
from headgate.wire.usage import TOKENS_MAX


def tokens_in(body: bytes, member: str, *, absent: int | None = None) -> int:
    """Read the number; `absent` where the member is missing. Raises UpstreamError for what names none."""
    try:
        value = decode(body)
    except ValueError as error:
        raise UpstreamError(f"the provider's count is no JSON: {error}") from None
    tokens = cast("Fields", value).get(member, absent) if isinstance(value, dict) else None
    if type(tokens) is not int or not 0 <= tokens <= TOKENS_MAX:
        raise UpstreamError(f"the provider's count names no number of {member}")
    return tokens
