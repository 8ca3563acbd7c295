"""What a process no longer uses goes back to the kernel, whatever it has held before."""

import platform
import subprocess
import sys

import pytest

HOLDS = """
import sys
from headgate.processes.memory import give_back, keep_thresholds

def own_mb():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("Private_Dirty"))

def hold(size, count):
    blocks = [bytearray(b"x" * size) for _ in range(count)]
    return blocks.pop()  # the last of all is what keeps the heap from shrinking

before = own_mb()
if sys.argv[1] == "thresholds":
    keep_thresholds()
hold(16 << 20, 1)  # from here on glibc takes blocks up to this size from the heap, by itself
kept = hold(1 << 20, 64)
if sys.argv[1] == "give_back":
    give_back()
print(own_mb() - before)
"""


def held_mb(way: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", HOLDS, way], capture_output=True, text=True, timeout=60, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has what is asked here")
def test_what_was_freed_goes_back() -> None:
    assert held_mb("neither") > 50
    assert held_mb("thresholds") < 5
    assert held_mb("give_back") < 5
