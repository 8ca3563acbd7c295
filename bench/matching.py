"""What matching costs: time a message and memory, against ten thousand versions of prompts.

`python -m bench.matching [REPOSITORY]`: among them all that a repository's history holds, where one is named.
Messages are rendered at random from the versions, and read from recorded traffic where that is there.
"""

import gc
import gzip
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.rendered_messages import Rendered
from tests.synthetic_prompts import synthetic_catalogue
from tests.unit.test_prompts_matching_accuracy import composed
from tests.unit.test_prompts_matching_repository import catalogue_of, random_message
from tests.unit.test_prompts_matching_traffic import texts_in

from headgate.prompts.matching.index import Matcher
from headgate.prompts.matching.model import CatalogueVersion

VERSIONS = 10_000
MESSAGES = 2_000


def resident_bytes() -> int:
    """Memory of this process that is in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def report(what: str, matcher: Matcher, texts: Iterable[str]) -> None:
    """Match some messages and print the processor's time for each, whatever else the machine does."""
    times: list[float] = []
    lengths: list[int] = []
    for text in texts:
        began = time.thread_time()
        matcher.match(text)
        times.append((time.thread_time() - began) * 1_000)
        lengths.append(len(text))
    if not times:
        return
    times.sort()
    print(
        f"{what:<32} {len(times):>6,} messages, {statistics.mean(lengths):>7,.0f} characters: "
        f"mean {statistics.mean(times):.3f} ms, p50 {times[len(times) // 2]:.3f} ms, "
        f"p99 {times[int(len(times) * 0.99)]:.3f} ms, most {times[-1]:.2f} ms"
    )


def rendered(make: Callable[[random.Random], Rendered]) -> list[str]:
    """Render messages with a seed of their own."""
    rng = random.Random(99)
    return [make(rng).text for _ in range(MESSAGES)]


def recorded() -> list[str]:
    """The distinct texts of recorded requests, where they are there."""
    named = os.environ.get("HEADGATE_RECORDED")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "recorded"
    path = folder / "exchanges.jsonl.gz"
    if not path.exists():
        return []
    with gzip.open(path) as lines:
        return sorted({text for line in lines for text in texts_in(json.loads(line)["request"])})


def main() -> None:
    """Build the index, and print what it and a match cost."""
    of_repository: list[CatalogueVersion] = []
    if len(sys.argv) > 1:
        with tempfile.TemporaryDirectory() as kept:
            of_repository = catalogue_of(
                Path(sys.argv[1]), Path(os.environ.get("HEADGATE_PROMPTS_KEPT", kept))
            )
    symbols = (VERSIONS - len(of_repository)) // 10
    synthetic = synthetic_catalogue(symbols=symbols, versions=10, seed=1)
    gc.collect()
    before, began = resident_bytes(), time.perf_counter()
    matcher = Matcher([*synthetic, *of_repository])
    built = time.perf_counter() - began
    gc.collect()
    print(
        f"{len(synthetic) + len(of_repository):,} versions, {len(of_repository):,} of them of a repository: "
        f"built in {built:.1f} s, {(resident_bytes() - before) / 1e6:.0f} MB besides the "
        f"templates, {resident_bytes() / 1e6:.0f} MB for the whole process"
    )
    report("made-up prompts", matcher, rendered(lambda rng: composed(synthetic, rng)))
    if of_repository:
        report("the repository's prompts", matcher, rendered(lambda rng: random_message(of_repository, rng)))
    report("recorded traffic", matcher, recorded())


if __name__ == "__main__":
    main()
