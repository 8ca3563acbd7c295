"""TensorZero's HTTP gateway, from inside its wheel, on the port that it chooses itself.

Never configures it. Read next: `peers`, and `overspend_peers` for the same under attack.
"""

import re
import subprocess
import time
from pathlib import Path

from bench.starting import CannotStart

TENSORZERO = "2026.6.0"

_START = """
import signal, sys
from tensorzero import _start_http_gateway
gateway = _start_http_gateway(
    config_file=sys.argv[1],
    clickhouse_url=None,
    postgres_url=None,
    valkey_url=sys.argv[2] if len(sys.argv) > 2 else None,
    async_setup=False,
)
print("serving at", gateway.base_url, flush=True)
signal.pause()
"""


def tensorzero_command(python: Path, folder: Path, configuration: str, store_url: str = "") -> list[str]:
    """Write its files into a folder, and return what starts it; `store_url`: its Valkey, if it has one."""
    (folder / "tensorzero.toml").write_text(configuration)
    (folder / "start.py").write_text(_START)
    command = [str(python), str(folder / "start.py"), str(folder / "tensorzero.toml")]
    return [*command, store_url] if store_url else command


def printed_port(process: subprocess.Popen[bytes], log: Path, timeout_s: float) -> int:
    """Wait until it says its port. Raises CannotStart with the end of the log when it doesn't."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s and process.poll() is None:
        found = re.search(r"serving at http://[\w.]+:(\d+)", log.read_text(errors="replace"))
        if found:
            return int(found[1])
        time.sleep(0.1)
    raise CannotStart(f"{log.parent.name} did not start\n{log.read_text(errors='replace')[-2000:]}")
