"""Prompts on disk, one file each, for when the server is away. Mode 600; replaced whole, or not at all.

Never raises for a file that is broken, or a disk that is full: then there is no copy. Read next:
`sdk.prompts`.
"""

import contextlib
import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any, Final, cast

COPY_BYTES_MAX: Final = 8 * 1024 * 1024
FORMAT: Final = 1


def default_folder() -> Path:
    """Return the user's own folder for copies."""
    return Path.home() / ".cache" / "headgate" / "prompts"


class PromptCache:
    """Copies of prompts below a folder, which is made at the first write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, *parts: str) -> Path:
        """Return where the copy goes of what these parts name, such as server, key, prompt and label."""
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return self.folder / f"{digest[:40]}.json"

    def read(self, path: Path) -> dict[str, Any] | None:
        """Return a copy; None where there is none that can be read."""
        try:
            with path.open("rb") as file:
                found = json.loads(file.read(COPY_BYTES_MAX))
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(found, dict):
            return None
        copy = cast("dict[str, Any]", found)
        return copy if copy.get("format") == FORMAT else None

    def write(self, path: Path, copy: dict[str, Any]) -> bool:
        """Put a copy in place, readable by this user alone; say whether that worked."""
        beside = path.with_name(f".{path.stem}.{os.getpid()}.{threading.get_ident()}")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                beside.unlink()
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"format": FORMAT, **copy}, file)
            beside.replace(path)
        except OSError:
            return False
        return True
