"""A guided tour of Headgate on stand-in providers, in about a minute: `make demo`.

Each step says what it claims, does it for real against a running `headgate up`, and checks it. Any claim that
fails ends the tour with status 1. Nothing leaves this machine. Read next: `demo/steps.py`, `demo/stage.py`.
"""

import contextlib
import logging
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from demo import check_steps, experiment_steps, prompt_steps  # noqa: E402
from demo.running import headgate  # noqa: E402
from demo.stage import CONFIG, SECRET, Claims, Stage, Standins  # noqa: E402
from demo.steps import STEPS  # noqa: E402


def main() -> int:
    """Walk through all steps; return 1 if a claim failed."""
    logging.disable(logging.WARNING)
    claims = Claims()
    began = time.monotonic()
    claims.console.rule("Headgate, a guided tour")
    claims.say("stand-in providers and `headgate up` (two gateways, embedded database) are starting ...")
    with contextlib.ExitStack() as stack:
        standins = stack.enter_context(Standins())
        config = CONFIG.format(**standins.addresses())
        house = stack.enter_context(headgate(config, workers=2, environment={"PAID_API_KEY": SECRET}))
        stage = Stage(house, standins, claims)
        claims.check("one command starts it all, ready to serve", house.get("/status")["snapshot"])
        steps = (*STEPS, *prompt_steps.STEPS, *experiment_steps.STEPS, *check_steps.STEPS)
        for number, step in enumerate(steps, 1):
            claims.heading(number, len(steps), (step.__doc__ or "").strip())
            try:
                step(stage)
            except AssertionError as failed:
                claims.check(f"{step.__name__} went through: {failed}", False)
        took = time.monotonic() - began
        claims.console.rule()
        claims.say(f"{claims.held} claims held, {len(claims.failed)} failed, {took:.0f} s")
        claims.say(f"The console of this tour stood at {house.url}/ ; `make run` starts one of your own:")
        claims.say("  http://127.0.0.1:4400/")
    return 1 if claims.failed else 0


if __name__ == "__main__":
    sys.exit(main())
