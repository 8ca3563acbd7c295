"""Runs fuzz targets: `python -m tests.attack.fuzz.fuzzer --seconds N [target ...]`.

Each target runs in a process of its own, by atheris, from its own seeds and words. An input that breaks one
is kept under `seeds/TARGET` and named; from then on `make attack` replays it. Each run draws a seed and says
which; `HEADGATE_FUZZ_SEED` sets it, so that a run can be repeated. `make attack` runs with one seed of its
own: what it finds is of what was changed, not of a draw. Whoever looks for more runs this.
"""

import argparse
import hashlib
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from tests.attack.fuzz import (
    anthropic_targets,
    bedrock_targets,
    google_targets,
    http_targets,
    openai_chat_targets,
    openai_responses_targets,
    other_targets,
    otlp_signal_targets,
    otlp_targets,
    prompt_targets,
    rule_targets,
    small_targets,
    wire_targets,
)
from tests.attack.fuzz.fuzz_target import BROKEN, SEEDS, Target

TARGETS: Final[dict[str, Target]] = {
    target.name: target
    for target in (
        *wire_targets.TARGETS,
        *anthropic_targets.TARGETS,
        *bedrock_targets.TARGETS,
        *google_targets.TARGETS,
        *openai_chat_targets.TARGETS,
        *openai_responses_targets.TARGETS,
        *http_targets.TARGETS,
        *prompt_targets.TARGETS,
        *rule_targets.TARGETS,
        *small_targets.TARGETS,
        *other_targets.TARGETS,
        *otlp_targets.TARGETS,
        *otlp_signal_targets.TARGETS,
        BROKEN,
    )
}
INPUT_BYTES_MAX: Final = 4096
INPUT_S_MAX: Final = 20
MEMORY_MB_MAX: Final = 1024
SEED_VARIABLE: Final = "HEADGATE_FUZZ_SEED"
_SEEDS: Final = 2**31
_RUNS = re.compile(r"stat::number_of_executed_units:\s+(\d+)")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one run. `broken` are the inputs that broke it."""

    seed: int
    runs: int
    status: int
    broken: list[bytes]
    said: str


def regressions(target: Target) -> list[Path]:
    """Return the inputs that once broke a target."""
    folder = SEEDS / target.name
    return sorted(folder.iterdir()) if folder.is_dir() else []


def fuzz(target: Target, seconds: int, seed: int = 0, *, runs: int = -1) -> Outcome:
    """Run one target for some seconds in its own process, and so many runs at most; -1 is any number.

    A seed of the environment goes first. Of one seed, all runs try the same, as far as they come.
    """
    seed = _seed(seed)
    with tempfile.TemporaryDirectory(prefix="hg-fuzz-") as folder:
        place = Path(folder)
        for name in ("seeds", "broken"):
            (place / name).mkdir()
        for data in [*target.seeds(), *(path.read_bytes() for path in regressions(target))]:
            (place / "seeds" / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
        words = ('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in target.words)
        (place / "words").write_text("".join(words))
        command = [
            *(sys.executable, "-m", "tests.attack.fuzz.fuzzed_process", target.name, str(place / "seeds")),
            *(
                f"-max_total_time={seconds}",
                f"-runs={runs}",
                f"-max_len={INPUT_BYTES_MAX}",
                f"-timeout={INPUT_S_MAX}",
            ),
            *(f"-rss_limit_mb={MEMORY_MB_MAX}", f"-artifact_prefix={place / 'broken'}/", f"-seed={seed}"),
            *(["-dict=" + str(place / "words")] if target.words else []),
            *("-print_final_stats=1", "-verbosity=1"),
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds + 120,
            check=False,
            cwd=Path(__file__).parents[3],
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        said = done.stdout + done.stderr
        counted = _RUNS.search(said)
        return Outcome(
            seed=seed,
            runs=int(counted[1]) if counted else 0,
            status=done.returncode,
            broken=[path.read_bytes() for path in sorted((place / "broken").iterdir())],
            said=said,
        )


def _seed(wanted: int) -> int:
    """Return that of the environment, else the wanted one, else a drawn one. 0 is none to libFuzzer."""
    given = os.environ.get(SEED_VARIABLE, "")
    seed = int(given) if given else wanted or 1 + secrets.randbelow(_SEEDS - 1)
    if not 0 < seed < _SEEDS:
        raise ValueError(f"{SEED_VARIABLE} is {seed}; set a number from 1 to {_SEEDS - 1}")
    return seed


def keep(target: Target, outcome: Outcome) -> list[Path]:
    """Keep what broke a target among the seeds."""
    folder = SEEDS / target.name
    kept: list[Path] = []
    for data in outcome.broken:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / hashlib.sha256(data).hexdigest()[:16]
        path.write_bytes(data)
        kept.append(path)
    return kept


def main(words: Sequence[str]) -> int:
    """Run the named targets, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="target")
    given = parser.parse_args(words)
    failed = False
    for name in given.targets or [name for name in TARGETS if name != BROKEN.name]:
        target = TARGETS[name]
        outcome = fuzz(target, given.seconds)
        verdict = "BROKEN" if outcome.status else "ok"
        print(f"{name:14} {outcome.runs:>9,} runs of seed {outcome.seed}  {verdict}", flush=True)
        if outcome.status:
            failed = True
            print(outcome.said[-3000:])
            for path in keep(target, outcome):
                print(f"kept as {path}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
