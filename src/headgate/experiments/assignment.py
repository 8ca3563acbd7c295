"""Which arm a unit is in: a keyed hash, the same for ever, that nobody outside can work out. Pure.

Never asks or keeps anything. Source: Kohavi, Tang, Xu, "Trustworthy Online Controlled Experiments", 2020,
chapter 4 (layers, assignment by hash). Read next: `gateway.trials`.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from headgate.core.entries import Exposure
from headgate.experiments.model import Experiment, Shares

UNIT_CHARACTERS_MAX: Final = 200
"""Units are told apart by this much of their names, as records and feedback keep no more."""


class Assigner:
    """Puts units into the arms of one experiment."""

    __slots__ = (
        "_arm_state",
        "_edges",
        "_first",
        "_from",
        "_layer_state",
        "_part_state",
        "_to",
        "experiment",
    )

    def __init__(self, experiment: Experiment, secret: bytes, shares: Shares | None = None) -> None:
        """`shares`: those of an adaptive experiment that hold now; those of the file before there are any."""
        self.experiment = experiment
        layer = experiment.layer or f"alias {experiment.alias}"
        self._layer_state = _keyed(secret, "layer", layer)
        self._arm_state = _keyed(secret, "arm", experiment.name, experiment.salt)
        self._from, self._to = experiment.traffic
        adaptive = experiment.adaptive
        self._part_state = None
        if adaptive is not None and adaptive.parts > 1:
            self._part_state = _keyed(secret, "part", experiment.name, experiment.salt)
        held = [{arm.name: arm.share for arm in experiment.arms}]
        if shares is not None:
            held = [*shares.before, shares.shares]
        self._first = 0 if shares is None else shares.epoch + 1 - len(held)
        """The epoch of the first of these shares."""
        self._edges = tuple([_edges(experiment, each) for each in held])

    def assign(self, project: str, unit: str) -> Exposure | None:
        """Return the exposure of a unit; None for one outside of the experiment's part of the layer, or of
        the parts of an adaptive one that are open."""
        experiment = self.experiment
        if not unit:
            return Exposure(experiment.name, experiment.version, "", "", experiment.unit)
        unit = unit[:UNIT_CHARACTERS_MAX]
        word = f"{project}\0{unit}".encode("utf-8", "surrogatepass")
        if not self._from <= _place(self._layer_state, word) < self._to:
            return None
        opened = 0
        if self._part_state is not None and experiment.adaptive is not None:
            opened = int(_place(self._part_state, word) * experiment.adaptive.parts)
            if opened >= len(self._edges):
                return None
        epoch, place = self._first + opened, _place(self._arm_state, word)
        for edge, arm in self._edges[opened]:
            if place < edge:
                return Exposure(experiment.name, experiment.version, arm, unit, experiment.unit, epoch)
        raise AssertionError(f"{place} lies beyond the last arm")


def _edges(experiment: Experiment, share_of: Mapping[str, float]) -> tuple[tuple[float, str], ...]:
    """Where each arm ends, of the numbers from 0 to 1."""
    total = sum(share_of.values())
    edges: list[tuple[float, str]] = []
    reached = 0.0
    for arm in experiment.arms:
        reached += share_of[arm.name] / total
        edges.append((reached, arm.name))
    edges[-1] = (1.0, edges[-1][1])  # whatever the rounding of the shares
    return tuple(edges)


def _keyed(secret: bytes, *words: str) -> "hashlib.blake2b":
    return hashlib.blake2b("\0".join((*words, "")).encode(), key=secret, digest_size=8)


def _place(state: "hashlib.blake2b", word: bytes) -> float:
    """A number from 0 to 1, and 1 never: 53 bits of the digest."""
    own = state.copy()
    own.update(word)
    return (int.from_bytes(own.digest(), "big") >> 11) * 2.0**-53
