"""The programs of npm that tests run as they are: their versions, and where they are installed.

What can't be installed skips the test, or fails it where nothing may be missing. Read next: `vercel_asking`,
`agent_runs`.
"""

import json
import platform
from pathlib import Path

from bench.npm import npm_installed
from bench.starting import CACHE, CannotStart
from tests.faults.privileges import lack

FOLDER = CACHE / "clients"
NODE = "24.21.0"
CLAUDE_CODE = "2.1.330"
MACHINE = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
# Nothing of what packages would run while they are installed is needed.
_FLAGS = ("--ignore-scripts", "--no-package-lock")


def _installed(name: str, *requirements: str) -> Path:
    try:
        return npm_installed(FOLDER / name, requirements, flags=_FLAGS)
    except CannotStart as error:
        lack(str(error))


def node() -> Path:
    """Node itself, newer than what Debian brings: the SDK asks for it."""
    return _installed("node", f"node-linux-{MACHINE}@{NODE}") / f"node-linux-{MACHINE}" / "bin" / "node"


def vercel(package: Path) -> Path:
    """The folder in which the packages of a package.json can be imported."""
    wanted = json.loads(package.read_text())["dependencies"]
    return _installed("vercel", *(f"{name}@{version}" for name, version in wanted.items())).parent


def claude_code() -> Path:
    """Anthropic's own agent, the program of this machine's kind."""
    name = f"@anthropic-ai/claude-code-linux-{MACHINE}"
    return _installed("claude-code", f"{name}@{CLAUDE_CODE}") / name / "claude"
