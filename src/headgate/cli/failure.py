"""How a command ends badly: a message, a hint, and an exit status. Never a traceback for what we foresee."""

from typing import ClassVar

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_OPEN = 2
"""It is not known yet: neither yes nor no."""
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130


class CommandFailed(Exception):
    """A command that could not do what it was asked. The hint says what to do next."""

    status: ClassVar[int] = EXIT_FAILED

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Unreachable(CommandFailed):
    """No server answered."""

    status = EXIT_UNREACHABLE


def not_installed(error: ImportError, extras: str = "server") -> CommandFailed:
    """Return what to say where a package is missing that a command needs."""
    return CommandFailed(
        f"this needs {error.name}, which is not installed", f'pip install "headgate[{extras}]"'
    )
