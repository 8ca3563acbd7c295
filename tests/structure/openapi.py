"""Writes the description of the control API to a file, from the code alone: the console's types come from it.

Never starts a server or opens a database. Use: `python -m tests.structure.openapi ui/openapi.json`.
"""

import sys
from pathlib import Path

import msgspec

from headgate.api.app import create_control_app
from headgate.api.description import describe
from headgate.api.services import ControlServices
from headgate.policy.egress import GuardedEgress
from headgate.store.clock import SystemClock
from headgate.store.database import Database


def description() -> bytes:
    """Return the description as JSON, members in order."""
    services = ControlServices(
        database=Database("postgresql:///none"), clock=SystemClock(), egress=GuardedEgress({})
    )
    app = create_control_app(services)
    described = describe(app, app.openapi_schema.to_schema())
    return msgspec.json.format(msgspec.json.encode(described, order="sorted"), indent=1)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(description())
