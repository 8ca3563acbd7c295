"""Metrics of a whole host as one Prometheus text: what gateways left in files, and control's own.

Format: Prometheus exposition format 0.0.4, in which all samples of a metric stand together. Never asks a
gateway for anything: each writes its file once a second.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

FILE_BYTES_MAX = 8 * 1024 * 1024
FILES_MAX = 256
_SUFFIXES = ("_bucket", "_sum", "_count")


def read_metric_files(folder: Path) -> Callable[[], Awaitable[str]]:
    """Return what reads and merges all `*.prom` files of a folder: the `gateway_metrics` of the services."""

    async def read() -> str:
        return merge(await asyncio.to_thread(_texts, folder))

    return read


def merge(texts: Iterable[str]) -> str:
    """Return the texts as one, each metric's lines together and its type named once."""
    types: dict[str, str] = {}
    samples: dict[str, list[str]] = {}
    for text in texts:
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                name = line.split(" ")[2]
                types.setdefault(name, line)
                samples.setdefault(name, [])
            elif line and not line.startswith("#"):
                samples.setdefault(_metric(line, types), []).append(line)
    lines: list[str] = []
    for name, found in samples.items():
        lines += [types[name]] if name in types else []
        lines += found
    return "\n".join(lines) + "\n" if lines else ""


def gauge(name: str, value: float, text: str) -> str:
    """Write one gauge without labels."""
    return f"# HELP {name} {text}\n# TYPE {name} gauge\n{name} {value:g}\n"


def _metric(line: str, types: dict[str, str]) -> str:
    name = line.partition("{")[0].partition(" ")[0]
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and name.removesuffix(suffix) in types:
            return name.removesuffix(suffix)
    return name


def _texts(folder: Path) -> list[str]:
    texts: list[str] = []
    for path in sorted(folder.glob("*.prom"))[:FILES_MAX]:
        try:
            with path.open("rb") as file:
                texts.append(file.read(FILE_BYTES_MAX).decode("utf-8", "replace"))
        except FileNotFoundError:
            continue  # Its gateway has drained since.
    return texts
