"""Indexed attributes (`llm.input_messages.0.message.role`) put together again, in bounded memory. Pure.

Indices are positions and no memory: a list holds what was said, in order, however far apart the indices are.
"""

from typing import Any, Final, cast

SLOTS: Final = 10_001
"""The most values that are placed for one prefix of a span; as many as Langfuse takes."""
_DEPTH: Final = 12


class Indexed:
    """The attributes of one prefix: their paths after it, and their values."""

    __slots__ = ("_tree", "names")

    def __init__(self) -> None:
        self._tree: dict[str, Any] = {}
        self.names: list[str] = []

    def add(self, name: str, steps: tuple[str, ...], value: object) -> bool:
        """Place a value; False where the path is too deep, too far or already something else."""
        if len(steps) > _DEPTH or len(self.names) >= SLOTS:
            return False
        node = self._tree
        for step in steps[:-1]:
            inner = node.get(step)
            if inner is None:
                inner = node[step] = {}
            elif type(inner) is not dict:
                return False
            node = cast("dict[str, Any]", inner)
        last = steps[-1]
        if last in node:
            return False
        # A structured value is a leaf: a list, so that no later path goes on inside it.
        node[last] = (value,) if type(value) is dict else value
        self.names.append(name)
        return True

    def build(self) -> list[Any]:
        """The values in the order of their indices, nested as their paths are."""
        found = _built(self._tree)
        return cast("list[Any]", found) if isinstance(found, list) else [found]


def _built(node: Any) -> Any:
    if type(node) is tuple:
        return cast("tuple[Any]", node)[0]
    if type(node) is not dict:
        return node
    members = cast("dict[str, Any]", node)
    steps = list(members)
    # Asked of the first alone in most cases: members of objects are no numbers.
    if not steps or (steps[0].isdecimal() and all(step.isdecimal() and len(step) < 8 for step in steps)):
        return [_built(members[step]) for step in sorted(steps, key=int)]
    return {step: member if type(member) is str else _built(member) for step, member in members.items()}
