"""The console's built files, held in memory with their gzip: what a browser loads, and nothing else.

Never reads the disk while it answers, so that no address can name another file. Read next:
`api.console_http`.
"""

import gzip
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

INDEX: Final = "index.html"
GZIP_BYTES_MIN: Final = 1024
_COMPRESSED: Final = (".js", ".css", ".html", ".svg", ".json", ".webmanifest")
_TYPES: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; media-src blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
"""Scripts and styles come from this server's files alone; nothing is asked of any other host."""


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One file: its bytes, the same as gzip where that is shorter, and what it is."""

    content: bytes
    compressed: bytes | None
    content_type: str


class Console:
    """The built pages; none where they were not built."""

    __slots__ = ("_assets",)

    def __init__(self, assets: Mapping[str, Asset] | None = None) -> None:
        self._assets = dict(assets or {})

    @classmethod
    def load(cls, folder: Path) -> "Console":
        """Read what was built into a folder; a folder that isn't there has nothing."""
        if not (folder / INDEX).is_file():
            return cls()
        return cls(
            {
                str(path.relative_to(folder)): _asset(path)
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            }
        )

    @property
    def index(self) -> Asset | None:
        """The page that every address of the console begins with."""
        return self._assets.get(INDEX)

    def asset(self, name: str) -> Asset | None:
        """Return the file of that name."""
        return self._assets.get(name)


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    worth = path.suffix in _COMPRESSED and len(content) >= GZIP_BYTES_MIN
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(
        content=content,
        compressed=gzip.compress(content, 9, mtime=0) if worth else None,
        content_type=kind,
    )
