"""How faults are planted into the simulated protocol: a class in another's place, or a changed function.

Only tests plant faults. Read next: `faults_of_database`, `faults_of_gateway`, `faults_of_leases`,
`faults_of_journal`.
"""

import contextlib
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import msgspec
from tests.simulation.gateway import GatewayProcess
from tests.simulation.model_database import ModelDatabase
from tests.simulation.shipping import SimShipper
from tests.simulation.world import Parts

T = TypeVar("T")

Change = tuple[object, str, object]
"""Where, which name, and what stands there instead."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A change of the protocol that the simulation has to catch."""

    name: str
    parts: Parts = Parts()
    changes: tuple[Change, ...] = ()
    focus: dict[str, Any] = {}
    """What the schedules have more of, so that it is met soon (`Parts.focus`)."""

    @contextlib.contextmanager
    def planted(self) -> Generator[Parts]:
        """Change what is changed, for as long as this lasts."""
        before = [(where, name, vars(where)[name]) for where, name, _ in self.changes]
        try:
            for where, name, instead in self.changes:
                setattr(where, name, instead)
            yield msgspec.structs.replace(self.parts, focus=self.focus)
        finally:
            for where, name, old in before:
                setattr(where, name, old)


FAULTS: dict[str, Fault] = {}


def plant(fault: Fault) -> None:
    """Add a fault to the list."""
    assert fault.name not in FAULTS, fault.name
    FAULTS[fault.name] = fault


def planted(name: str, **focus: Any) -> Callable[[type[T]], type[T]]:
    """Add a fault that is a class in another's place."""

    def add(kind: type[T]) -> type[T]:
        if issubclass(kind, ModelDatabase):
            parts = Parts(database=kind)
        elif issubclass(kind, GatewayProcess):
            parts = Parts(gateway=kind)
        else:
            assert issubclass(kind, SimShipper)
            parts = Parts(shipper=kind)
        plant(Fault(name=name, parts=parts, focus=focus))
        return kind

    return add


def changed(name: str, where: object, function: str, **focus: Any) -> Callable[[T], T]:
    """Add a fault that is another function, method or property in one's place."""

    def add(instead: T) -> T:
        plant(Fault(name=name, changes=((where, function, instead),), focus=focus))
        return instead

    return add
