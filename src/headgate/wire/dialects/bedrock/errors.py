"""What Bedrock calls its errors, in answers and inside streams. Pure.

Whose fault one is says `wire.answers.classify`, which is given the name that is found here. Source: the
errors of the Bedrock Runtime API, and how Amazon's JSON protocols name one (`x-amzn-errortype`, `__type`).
"""

from typing import Final

from headgate.core.ports import Headers
from headgate.wire.usage import Fields, fields_of

STATUSES: Final[dict[str, int]] = {
    "accessdenied": 403,
    "conflict": 400,
    "internalserver": 500,
    "modelerror": 424,
    "modelnotready": 429,
    "modelstreamerror": 424,
    "modeltimeout": 408,
    "resourcenotfound": 404,
    "servicequotaexceeded": 400,
    "serviceunavailable": 503,
    "throttling": 429,
    "validation": 400,
}
"""By the error's name in lower case, without `Exception`: streams begin it small, answers do not."""


def error_kind(headers: Headers, body: bytes) -> str:
    """The name of an error in an answer, such as `ThrottlingException`; empty where there is none."""
    named = next((value.decode("latin-1") for name, value in headers if name == b"x-amzn-errortype"), "")
    if not named:
        fields: Fields = fields_of(body) or {}
        value = fields.get("__type", fields.get("code"))
        named = value if isinstance(value, str) else ""
    return named.partition(":")[0].rpartition("#")[2].strip()[:100]


def status_of(kind: str, stated: int | None = None) -> int | None:
    """The status that an error inside a stream would have had as an answer; None for an unknown one.

    `stated` is what the model itself answered Bedrock with, where an error says so.
    """
    if stated is not None and 400 <= stated <= 599:
        return stated
    return STATUSES.get(kind.lower().removesuffix("exception"))
