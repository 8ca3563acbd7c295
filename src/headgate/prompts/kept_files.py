"""What was read of the files of a tree, kept in a folder, so that the next scan reads only what is new.

A file is known by its path and a digest of its content; keys stand there masked, as in a report. Read next:
`scanning`, which reads; `kept`, which keeps the states of a history.
"""

import hashlib
from pathlib import Path

import msgspec

from headgate.prompts.kept import file_of, scanner_digest, write_whole
from headgate.prompts.scanning import FileScan, Options, scan_bytes

CATALOG = Path(__file__).parent.parent / "catalog" / "data"
"""Which models are withdrawn, and which parameters there are, is read from there."""


class _Known(msgspec.Struct, frozen=True, array_like=True):
    digest: bytes
    scan: FileScan


class _Kept(msgspec.Struct, kw_only=True):
    reader: str
    files: dict[str, _Known] = {}


class KeptFiles:
    """The files of one tree, as scans with these options found them."""

    def __init__(self, tree: Path, kept_in: Path, options: Options) -> None:
        self._file = file_of(tree, kept_in).with_suffix(".files")
        self._options = options
        self._reader = _reader(options)
        self._before = _load(self._file, self._reader)
        self._now = _Kept(reader=self._reader)
        self._is_new = False

    def read(self, content: bytes, name: str, options: Options) -> FileScan:
        """Scan a file's content, as `scanning.scan_bytes` does, if that was not done before."""
        digest = hashlib.blake2b(content, digest_size=16).digest()
        known = self._before.files.get(name)
        if known is None or known.digest != digest or options != self._options:
            known = _Known(digest, scan_bytes(content, name, options))
            self._is_new = True
        self._now.files[name] = known
        return known.scan

    def save(self) -> None:
        """Keep what the tree holds now; nothing is written where nothing is new."""
        if self._is_new or len(self._now.files) != len(self._before.files):
            write_whole(self._file, msgspec.msgpack.encode(self._now))


def _load(file: Path, reader: str) -> _Kept:
    try:
        kept = msgspec.msgpack.decode(file.read_bytes(), type=_Kept)
    except (OSError, msgspec.DecodeError):
        return _Kept(reader=reader)
    return kept if kept.reader == reader else _Kept(reader=reader)


def _reader(options: Options) -> str:
    """What reads the files, as a digest: what another read, or on another day, is not trusted."""
    digest = hashlib.sha256(scanner_digest().encode())
    for path in sorted(CATALOG.glob("*.toml")):
        digest.update(path.read_bytes())
    digest.update(msgspec.json.encode(options))
    return digest.hexdigest()
