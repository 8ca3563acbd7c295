"""What `import headgate` offers applications, each name loaded when it is first asked for.

Imports nothing of ours, so that `import headgate` costs next to nothing, here and in the server. The types of
what is offered stand in `headgate/__init__.pyi`. Read next: `sdk.observing`.
"""

import sys
from importlib import import_module

__version__ = "0.1.0"

PLACES = {
    "Client": "headgate.sdk.client",
    "configure": "headgate.sdk.installing",
    "context": "headgate.sdk.surroundings",
    "feedback": "headgate.sdk.feedback",
    "flush": "headgate.sdk.installing",
    "headers": "headgate.sdk.surroundings",
    "observe": "headgate.sdk.observing",
    "trace_id_of": "headgate.core.identity",
    "__version__": "headgate.offered",
}
"""The module that each name stands in."""


def __getattr__(name: str) -> object:
    place = PLACES.get(name)
    if place is None:
        raise AttributeError(f"headgate has no {name!r}; it offers {', '.join(PLACES)}")
    found = getattr(import_module(place), name)
    setattr(sys.modules["headgate"], name, found)
    return found
