"""What `headgate doctor` looks at: answers of the server, and this machine. Gathers; judges nothing."""

import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from headgate.cli.client import Client, Json
from headgate.cli.failure import CommandFailed, Unreachable

CONFIG_BYTES_MAX = 4 * 1024 * 1024
ALERTS_READ = 200


class LocalFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder on this machine: its permission bits."""

    path: str
    mode: int

    @property
    def others_can_read(self) -> bool:
        """Whether its group or others may read it."""
        return bool(self.mode & (stat.S_IRGRP | stat.S_IROTH))


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found. None means that it could not be learnt, which is never the same as nothing."""

    url: str
    now: datetime
    unreachable: str | None = None
    health: int | None = None
    readiness: int | None = None
    readiness_says: Any = None
    providers: list[Json] | None = None
    models: list[Json] | None = None
    budgets: list[Json] | None = None
    keys: list[Json] | None = None
    alerts: list[Json] | None = None
    status: Json | None = None
    admin_key: LocalFile | None = None
    config_text: str | None = None
    disk_free_share: float | None = None


def gather(client: Client, folder: Path, config: Path) -> Evidence:
    """Look at the server and at this machine."""
    found: dict[str, Any] = {
        "admin_key": _local_file(folder / "admin.key"),
        "config_text": _text(config),
        "disk_free_share": _disk_free_share(folder),
    }
    try:
        found["health"], _ = client.probe("/healthz")
        found["readiness"], found["readiness_says"] = client.probe("/readyz")
        found["alerts"] = _try(lambda: client.items("/alerts", limit=ALERTS_READ))
        found["status"] = _try(lambda: client.get("/status"))
        for noun in ("providers", "models", "budgets", "keys"):
            found[noun] = _try(lambda noun=noun: client.items(f"/{noun}"))
    except Unreachable as failure:
        found["unreachable"] = failure.message
    return Evidence(url=client.url, now=datetime.now(UTC), **found)


def _try(read: Any) -> Any:
    try:
        return read()
    except Unreachable:
        raise
    except CommandFailed:
        return None


def _local_file(path: Path) -> LocalFile | None:
    try:
        return LocalFile(path=str(path), mode=stat.S_IMODE(path.stat().st_mode))
    except OSError:
        return None


def _text(path: Path) -> str | None:
    try:
        if path.stat().st_size > CONFIG_BYTES_MAX:
            return None
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _disk_free_share(folder: Path) -> float | None:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return usage.free / usage.total if usage.total else None
