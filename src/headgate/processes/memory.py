"""What this process no longer uses goes back to the kernel, where the C library is glibc; elsewhere nothing.

Read next: `worker`, which asks for it.
"""

import ctypes
import sys
from typing import Any, Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_THRESHOLD_BYTES: Final = 128 * 1024
"""What glibc begins with; unless it is set, large blocks that are freed raise it, to 32 MiB (mallopt(3))."""


def keep_thresholds() -> None:
    """Have large blocks go back as soon as they are freed, however large those before them were.

    Each costs two calls of the kernel then, so this is for processes that no caller waits for.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _THRESHOLD_BYTES)
        mallopt(_TRIM_THRESHOLD, _THRESHOLD_BYTES)


def give_back() -> None:
    """Give back all pages that hold nothing now. Blocks for some milliseconds."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_glibc(name: str) -> Any:
    """Find a function of the C library; None where it has no such."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
