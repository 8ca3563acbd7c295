"""Where a demonstration or a test keeps what it throws away: in memory where there is plenty of it.

A database that lives for seconds needs no disk, and waits for none that others keep busy. Never holds what is
to last. Read next: `running`.
"""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
FREE_BYTES_MIN = 3 * 2**30


def scratch_folder() -> Path:
    """Return the folder to make such folders in: memory with 3 GiB free, else the system's own for them."""
    if os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free >= FREE_BYTES_MIN:
        return MEMORY
    return Path(tempfile.gettempdir())
