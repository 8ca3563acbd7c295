"""Writes down every address that any process of a run connects to or looks up. Put on PYTHONPATH.

folder = write_hook(tmp_path)  # PYTHONPATH=folder SOCKET_AUDIT=file
"""

from pathlib import Path

HOOK = """
import os, sys

_PATH = os.environ.get("SOCKET_AUDIT")

def _hook(event, arguments):
    if event == "socket.connect" or event == "socket.sendto":
        where = arguments[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        where = arguments[0]
    else:
        return
    line = f"{event} {where!r}\\n".encode()
    descriptor = os.open(_PATH, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)

if _PATH:
    sys.addaudithook(_hook)
"""


def write_hook(folder: Path) -> Path:
    """Write the hook where Python finds it at the start of each process; return the folder."""
    place = folder / "audit"
    place.mkdir()
    (place / "sitecustomize.py").write_text(HOOK)
    return place
