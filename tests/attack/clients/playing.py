"""A provider that plays a part: it hears calls in every outbound dialect, and answers as a script decides.

Its address's first segment names the dialect. Read next: `voices`.
"""

import asyncio
import json
import threading
from collections.abc import Callable

import msgspec
from tests.attack.clients.spoken import Heard, Turn, Voice
from tests.attack.clients.voices import ChatVoice, MessagesVoice, ResponsesVoice
from tests.attack.clients.voices_cloud import ConverseVoice, GenerateVoice
from tests.contract.clients.replayed_rules import AgainstRulesError, check
from tests.flow.scripted_provider import stream, whole
from tests.flow.server_thread import ServerThread

VOICES: tuple[Voice, ...] = (ChatVoice(), ResponsesVoice(), MessagesVoice(), GenerateVoice(), ConverseVoice())

Script = Callable[[Heard], Turn]

_BETAS = ("context_management",)
"""Members that no official SDK's types hold, of agents that pass through to their own dialect's provider."""


class PlayingProvider(ServerThread):
    """Providers of all dialects on one loopback port, each with a script of its own."""

    def __init__(self) -> None:
        super().__init__("playing provider")
        self.heard: list[Heard] = []
        self.failures: list[str] = []
        """Calls that the original would have refused, or the script did not expect."""
        self._script: Script = lambda _: Turn(text="nothing was asked of me")
        self._lock = threading.Lock()

    def play(self, script: Script) -> None:
        """From now on answer as this script says; what was heard before is forgotten."""
        with self._lock:
            self._script, self.heard, self.failures = script, [], []

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        _, path, _ = lines[0].split(" ")
        pairs = [line.partition(": ") for line in lines[1:] if line]
        headers = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        for step in self._answer(path, headers, body):
            writer.write(step)
            await writer.drain()
        return True

    def _answer(self, path: str, headers: dict[str, str], raw: bytes) -> list[bytes]:
        voice = next(one for one in VOICES if path.startswith(f"/{one.dialect}/"))
        with self._lock:
            try:
                body = json.loads(raw)
                known = {name: value for name, value in body.items() if name not in _BETAS}
                check(voice.dialect, path, headers, known)
                heard = voice.hear(path, body)
                turn = self._script(heard)
            except (AgainstRulesError, AssertionError, LookupError, TypeError, ValueError) as error:
                self.failures.append(f"{path}: {error!r}\n{raw.decode(errors='replace')[:4000]}")
                return [whole(json.dumps({"error": {"message": f"played: {error!r}"}}).encode(), 400)]
            self.heard.append(heard)
            turn = msgspec.structs.replace(turn, number=len(self.heard))
        if not heard.streamed:
            return [whole(json.dumps(voice.whole(turn)).encode())]
        return [step for step in stream(*voice.pieces(turn), kind=voice.kind) if isinstance(step, bytes)]
