"""Recorded exchanges with providers, as they stand in a file: one JSON object a line.

`load_exchanges` reads `.jsonl` and `.jsonl.gz`. Read next: `standins.replay`, which answers with them.
"""

import gzip
from pathlib import Path
from typing import Any

import msgspec

from headgate.core.faults import Misconfigured

LINE_BYTES_MAX = 64 * 1024 * 1024

FIXTURES = Path(__file__).parent / "fixtures"
"""Exchanges that come with Headgate, written for it."""


class RecordedExchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and the answer to it. `response` is the body as text."""

    id: str
    provider: str
    dialect: str
    path: str
    request: dict[str, Any]
    status: int
    content_type: str
    response: str
    method: str = "POST"
    stream: bool = False
    source: str = ""
    licence: str = ""


def load_exchanges(path: Path | str) -> list[RecordedExchange]:
    """Read a file of exchanges, or all files of a folder. Raises Misconfigured, naming the line."""
    place = Path(path)
    if place.is_dir():
        files = sorted([*place.glob("*.jsonl"), *place.glob("*.jsonl.gz")])
        return [exchange for file in files for exchange in load_exchanges(file)]
    try:
        raw = gzip.decompress(place.read_bytes()) if place.suffix == ".gz" else place.read_bytes()
    except OSError as missing:
        raise Misconfigured(f"can't read the recorded exchanges: {missing}", where=str(place)) from None
    decoder = msgspec.json.Decoder(RecordedExchange)
    exchanges: list[RecordedExchange] = []
    for number, line in enumerate(raw.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            exchanges.append(decoder.decode(line))
        except msgspec.DecodeError as wrong:
            raise Misconfigured(f"no recorded exchange: {wrong}", where=f"{place}:{number}") from None
    return exchanges
