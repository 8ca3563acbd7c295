"""One target under atheris: `python -m tests.attack.fuzz.fuzzed_process TARGET SEEDS [libFuzzer's options]`.

Started by `fuzzer`. The packages under test are imported inside, so that atheris sees their branches.
"""

import importlib
import sys

import atheris


def main() -> None:
    """Fuzz until the options say that it is enough, or an input breaks the target."""
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["headgate"]):  # type: ignore[attr-defined]
        run = importlib.import_module("tests.attack.fuzz.fuzzer")
    target = run.TARGETS[name]
    atheris.Setup(sys.argv, target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
