"""Instructions a call by `perf stat`: the figure that other people's use of the machine does not move.

Only where the machine counts them and this user may read them; None elsewhere. Read next: `rounds`.
"""

import re
import shutil
import signal
import subprocess
import time

from bench.measuring import Bench, make_calls
from bench.serving import Serving

CALLS_MAX = 20_000
CALLS_S = 8.0
ATTACH_S = 0.3


def instructions_per_call(bench: Bench, serving: Serving, per_s: float) -> float | None:
    """Count the gateway process's instructions, in user and kernel mode, over some thousand calls."""
    perf = shutil.which("perf")
    if perf is None or not serving.gateway:
        return None
    pids = ",".join(str(pid) for pid in serving.gateway)
    watching = subprocess.Popen(
        [perf, "stat", "-x", ",", "-e", "instructions:u,instructions:k", "-p", pids],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(ATTACH_S)
    made = make_calls(bench, serving, min(CALLS_MAX, int(per_s * CALLS_S)), CALLS_S * 10)
    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=30)
    counted = [int(number) for number in re.findall(r"^(\d+),,instructions", said, re.MULTILINE)]
    return sum(counted) / made.load.ok if made and made.load.ok and len(counted) == 2 else None
