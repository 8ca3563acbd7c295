"""Claude Code, unchanged, at work on a small task, with a model that does as the task needs.

Read next: `playing`, the provider behind Headgate; `agent_host`, where the agent runs.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
from tests.attack.clients.agent_host import AgentHost
from tests.attack.clients.npm_programs import claude_code
from tests.attack.clients.playing import Script
from tests.attack.clients.spoken import Called, Heard, Turn

TASK = "The function add in calc.py is broken. Mend it, and show that it works."
BROKEN = "def add(a, b):\n    return a - b\n"
MENDED = "def add(a, b):\n    return a + b\n"
SAID = "The function adds now: 5"
STEPS = 3
"""Reading, mending, trying; then it tells."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a run has ended, as the agent tells it. `said`: its last words, or its error."""

    status: int
    is_error: bool
    said: str
    tokens: tuple[int, int]
    conversation: str


class ClaudeCode:
    """The agent, with a home of its own in `folder`, and a workplace there with the task in it."""

    def __init__(self, host: AgentHost, folder: Path) -> None:
        self._host = host
        self._program = str(claude_code())
        self._home = folder / "home"
        self._home.mkdir()
        self.folder = folder / "workplace"
        self.folder.mkdir()
        self.file = self.folder / "calc.py"
        self.file.write_text(BROKEN)

    def run(self, key: str, model: str, *, goes_on: str = "") -> Ended:
        """Give it the task, or, with the name of a conversation, let it go on with that."""
        # The first three as docs/guides/coding-agents.md has them.
        environment = {
            "ANTHROPIC_BASE_URL": self._host.url,
            "ANTHROPIC_AUTH_TOKEN": key,
            "ANTHROPIC_MODEL": model,
            "HOME": str(self._home),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "0",
        }
        command = [self._program, "--print", "--output-format", "json", "--permission-mode", "acceptEdits"]
        command += ["--allowedTools", "Read,Edit,Bash", *(["--resume", goes_on] if goes_on else [])]
        done = self._host.run([*command, "--", TASK], self.folder, environment)
        assert done.stdout, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        usage = told["usage"]
        return Ended(
            status=done.returncode,
            is_error=told["is_error"],
            said=told.get("result", ""),
            tokens=(usage["input_tokens"], usage["output_tokens"]),
            conversation=told["session_id"],
        )

    def model(self, before: int = 0) -> Script:
        """A model that does one step of the task after the other; so many results were there before it."""
        change = {"file_path": str(self.file), "old_string": "a - b", "new_string": "a + b"}
        attempt = "python3 -B -c 'import calc; print(calc.add(2, 3))'"
        steps = (
            ("Read", {"file_path": str(self.file)}),
            ("Edit", change),
            ("Bash", {"command": attempt, "description": "Tries it"}),
        )

        def turn(heard: Heard) -> Turn:
            number = len(heard.results)
            if number - before == len(steps):
                return Turn(text=f"The function adds now: {heard.results[-1].strip()}")
            name, arguments = steps[number - before]
            assert name in heard.tools, f"{name} is not among {heard.tools}"
            called = Called(id=f"toolu_{number:04d}", name=name, arguments=arguments)
            return Turn(thought=f"Thought {number}.", text=f"I take step {number}.", calls=(called,))

        return turn
