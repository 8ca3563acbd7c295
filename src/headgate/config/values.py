"""Values that are written as text in headgate.toml, and what they read as: durations, amounts, limits. Pure.

Each reader raises ValueError that says what to write in place of a text that it does not take.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

import msgspec

from headgate.core.money import parse_usd
from headgate.core.names import SIMPLE_NAME
from headgate.core.ports import Origin
from headgate.meters.model import RateUnit

DURATION_S_MAX = 366 * 86400.0
RETENTION_DAYS_MAX = 3660
MODEL_NAME_CHARACTERS_MAX = 200
PRICE_MAX = Decimal(10) ** 6

Reads = Literal[
    "duration",
    "days",
    "date",
    "amount",
    "price",
    "rate",
    "url",
    "credential",
    "name",
    "model_name",
    "score_name",
    "size",
]

Duration = Annotated[
    str, msgspec.Meta(description="such as `50ms`, `10s`, `5m`", extra={"reads": "duration"})
]
Days = Annotated[str, msgspec.Meta(description="such as `90 days`", extra={"reads": "days"})]
Day = Annotated[str, msgspec.Meta(description="such as `2027-01-31`", extra={"reads": "date"})]
Amount = Annotated[str, msgspec.Meta(description="such as `500 USD`", extra={"reads": "amount"})]
PerMillion = Annotated[
    str, msgspec.Meta(description="USD per million tokens, such as `0.20`", extra={"reads": "price"})
]
PerThousand = Annotated[
    str, msgspec.Meta(description="USD per thousand uses, such as `10`", extra={"reads": "price"})
]
PerCall = Annotated[str, msgspec.Meta(description="USD a call, such as `0.01`", extra={"reads": "price"})]
RateText = Annotated[
    str, msgspec.Meta(description="such as `60 requests` or `100000 tokens`", extra={"reads": "rate"})
]
Url = Annotated[str, msgspec.Meta(description="such as `https://host/v1`", extra={"reads": "url"})]
Credential = Annotated[
    str, msgspec.Meta(description="`env:NAME` or `file:PATH`", extra={"reads": "credential"})
]
Name = Annotated[str, msgspec.Meta(description="letters, digits, `.`, `_`, `-`", extra={"reads": "name"})]
ScoreName = Annotated[
    str, msgspec.Meta(description="a name of feedback, such as `helpful`", extra={"reads": "score_name"})
]
Size = Annotated[
    str,
    msgspec.Meta(
        description="in the metric's own unit, such as `0.2`, or of the baseline, such as `5%`",
        extra={"reads": "size"},
    ),
]
ModelName = Annotated[str, msgspec.Meta(description="what clients ask for", extra={"reads": "model_name"})]

_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*(ms|s|m|h|d)")
_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
_DAYS = re.compile(r"(\d{1,6})\s*days?")
_RATE = re.compile(r"(\d{1,15})\s*(requests?|tokens?)")
_MODEL_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:@/+-]{{0,{MODEL_NAME_CHARACTERS_MAX - 1}}}")
_SCORE_NAME = re.compile(r"\S(?:[^\r\n\t]{0,98}\S)?")
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(%?)")
_ENV = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")


def read_duration(text: str) -> float:
    """Read `50ms`, `10s`, `5m`, `2h` or `1d` as seconds."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"is {text!r}; write a duration such as '50ms', '10s' or '5m'")
    seconds = float(Decimal(match[1]) * _SECONDS[match[2]])
    if seconds > DURATION_S_MAX:
        raise ValueError(f"is {text!r}; at most a year is a duration here")
    return seconds


def read_days(text: str) -> int:
    """Read `90 days` as whole days, at least 1."""
    match = _DAYS.fullmatch(text.strip())
    if match is None or not 1 <= int(match[1]) <= RETENTION_DAYS_MAX:
        raise ValueError(f"is {text!r}; write days between 1 and {RETENTION_DAYS_MAX}, such as '90 days'")
    return int(match[1])


def read_date(text: str) -> date:
    """Read `2027-01-31` as a day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"is {text!r}; write a day, year first, such as '2027-01-31'") from None


def read_amount(text: str) -> int:
    """Read `500 USD` or `0.20` as pico-USD."""
    try:
        return parse_usd(text)
    except ValueError as error:
        raise ValueError(f"is refused: {error}") from None


def read_price(text: str) -> Decimal:
    """Read a price in USD, which is a decimal number in quotes so that no float touches it."""
    try:
        price = Decimal(text.strip())
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or not 0 <= price < PRICE_MAX:
        raise ValueError(f"is {text!r}; write USD as a decimal number in quotes such as '0.20'")
    return price


def read_rate(text: str) -> tuple[int, RateUnit]:
    """Read `60 requests` or `100000 tokens`."""
    match = _RATE.fullmatch(text.strip())
    if match is None or int(match[1]) < 1:
        raise ValueError(f"is {text!r}; write a limit such as '60 requests' or '100000 tokens'")
    return int(match[1]), "requests" if match[2].startswith("request") else "tokens"


def read_url(text: str) -> tuple[Origin, str]:
    """Read a base URL as its origin and its path without a trailing slash."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"is {text!r}, which is no address with a port between 1 and 65535") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a user or password; take it out, and give the credential as api_key")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"is {text!r}; write an address such as 'https://host.example/v1'")
    if parts.query or parts.fragment:
        raise ValueError("has a query or a fragment, which a base URL does not; take it out")
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    return Origin(scheme, parts.hostname, port or (443 if scheme == "https" else 80)), parts.path.rstrip("/")


def read_credential(text: str) -> str:
    """Check that a credential is a reference. Never shows the text, which may be the secret itself."""
    if text.startswith("vault:"):
        raise ValueError("names a vault, which is not available yet; write 'env:NAME' or 'file:PATH'")
    if _ENV.fullmatch(text) or (text.startswith("file:") and len(text) > len("file:")):
        return text
    raise ValueError("holds no reference; secrets never stand in the file: write 'env:NAME' or 'file:PATH'")


def read_name(text: str) -> str:
    """Check a name of a provider, project, budget, rate limit or region."""
    if not SIMPLE_NAME.fullmatch(text):
        raise ValueError(f"has the name {text!r}; names are letters, digits, '.', '_' and '-', 100 at most")
    return text


def is_model_name(text: str) -> bool:
    """Say whether a text can be the name of a model: at most 200 of the characters that such names have."""
    return _MODEL_NAME.fullmatch(text) is not None


def read_model_name(text: str) -> str:
    """Check a name that clients may ask for."""
    if not is_model_name(text):
        raise ValueError(
            f"has the name {text!r}; names of models are letters, digits and any of . _ : @ / + -"
        )
    return text


def read_score_name(text: str) -> str:
    """Check a name of feedback: as the API takes it."""
    if not _SCORE_NAME.fullmatch(text):
        raise ValueError(f"is {text[:120]!r}; a name has 1 to 100 characters, and no line break or tab")
    return text


def read_size(text: str) -> tuple[float, bool]:
    """Read `0.2`, or `5%` of the baseline, as a number and whether it is relative."""
    match = _SIZE.fullmatch(text.strip())
    number = float(match[1]) if match else 0.0
    if match is None or number <= 0:
        raise ValueError(f"is {text!r}; write a size above 0 such as '0.2', or '5%' of the baseline")
    return (number / 100, True) if match[2] else (number, False)


READERS: dict[Reads, Callable[[str], object]] = {
    "duration": read_duration,
    "days": read_days,
    "date": read_date,
    "amount": read_amount,
    "price": read_price,
    "rate": read_rate,
    "url": read_url,
    "credential": read_credential,
    "name": read_name,
    "model_name": read_model_name,
    "score_name": read_score_name,
    "size": read_size,
}

assert set(READERS) == set(get_args(Reads))
