"""Which calls of a rollout's stage are also answered by the arm that does not serve them: their shadows.

Read next: `gateway.shadows`, which makes them; `rollouts.model`.
"""

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from headgate.access.model import Caller
from headgate.core.entries import SHADOW, Exposure
from headgate.experiments.assignment import Assigner
from headgate.experiments.model import Experiment, UnitKind
from headgate.rollouts.model import CANDIDATE, PRESENT, Stage

if TYPE_CHECKING:
    from headgate.gateway.call import Call

UNIT_BYTES: Final = 8


class Pair(msgspec.Struct, eq=False):
    """A call that is to be answered twice, and its shadow once that has begun."""

    experiment: Experiment
    shown: str
    """The arm that serves the caller."""
    unit: str
    """Whose call it is, as a digest."""
    call: "Call"
    shadow: "Call | None" = None


class Pairing:
    """Chooses calls by a keyed hash of their ids: nobody outside can tell which."""

    __slots__ = ("_experiment", "_sampler", "_shown", "_unit", "_units")

    def __init__(self, stage: Stage, secret: bytes) -> None:
        experiment = self._experiment = stage.experiment
        self._shown = stage.shown
        # Among the few who are internal each call stands for itself: it is their calls that are compared.
        self._unit: UnitKind = "call" if stage.kind == "internal" else experiment.unit
        sampled = msgspec.structs.replace(
            experiment, layer=f"shadows of {experiment.version}", traffic=(0.0, stage.sampled)
        )
        self._sampler = Assigner(sampled, secret)
        self._units = hashlib.blake2b(
            b"units of " + experiment.version.encode(), key=secret, digest_size=UNIT_BYTES
        )

    @property
    def version(self) -> str:
        """Which stage of which rollout it is."""
        return self._experiment.version

    @property
    def shows_candidate(self) -> bool:
        """Whether callers are served by the candidate."""
        return self._shown == CANDIDATE

    def choose(self, call: "Call", caller: Caller) -> Pair | None:
        """Return the pair that a call is to be one of; None for most."""
        if self._sampler.assign("", call.request_id) is None:
            return None
        unit = unit_of(self._unit, call, caller) or call.request_id
        digest = self._units.copy()
        digest.update(f"{caller.project}\0{unit}".encode("utf-8", "surrogatepass"))
        return Pair(self._experiment, self._shown, digest.hexdigest(), call)

    def exposure_of(self, pair: Pair) -> Exposure | None:
        """Return how a shadow is served; None where its stage is over."""
        experiment = self._experiment
        if pair.experiment.version != experiment.version:
            return None
        arm = PRESENT if self._shown == CANDIDATE else CANDIDATE
        return Exposure(experiment.name, experiment.version, arm, pair.call.request_id, SHADOW)


def unit_of(kind: UnitKind, call: "Call", caller: Caller) -> str:
    """Return the unit that a call belongs to; empty where it is not known."""
    if kind == "user":
        return caller.user
    if kind == "session":
        return caller.session
    return call.trace_id if kind == "trace" else call.request_id
