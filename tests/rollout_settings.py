"""Settings with a rollout from one mocked model to another, for tests that say what else it has."""

from typing import Final

from headgate.config.compile import compile_file
from headgate.rollouts.model import Rollout

MODELS: Final = """
[providers.mock]
kind = "mock"

[models.assistant]
targets = ["mock/large"]
"""
SMALLER: Final = (
    MODELS
    + """
[[rollouts]]
name = "smaller"
alias = "assistant"
targets = ["mock/small"]
"""
)


def only_rollout(settings: str) -> Rollout:
    """Return the rollout of settings that have one."""
    (found,) = compile_file(settings).rollouts
    return found
