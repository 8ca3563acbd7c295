"""Scripted providers of Google's generateContent and of Amazon's Converse, as the originals listen and talk.

Written from the providers' own references, not with the product's codecs. Read next: `playing`.
"""

import json
import struct
import zlib
from typing import Any

from tests.attack.clients.spoken import TOKENS, Heard, Turn, cut, event, flat, seal_of

from headgate.core.call import AnyDialect


class GenerateVoice:
    """Google's generateContent, whose first call of a turn bears the signature of its thoughts."""

    dialect: AnyDialect = "google"
    kind = "text/event-stream"

    def hear(self, path: str, body: dict[str, Any]) -> Heard:
        parts = [part for content in body["contents"] for part in content["parts"]]
        return Heard(
            dialect=self.dialect,
            path=path,
            body=body,
            streamed="streamGenerateContent" in path,
            tools=tuple(
                declared["name"]
                for tool in body.get("tools", ())
                for declared in tool["functionDeclarations"]
            ),
            results=tuple(
                flat(next(iter(part["functionResponse"]["response"].values()), ""))
                for part in parts
                if "functionResponse" in part
            ),
        )

    def _parts(self, turn: Turn) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        if turn.thought:
            parts.append({"text": turn.thought, "thought": True})
        parts += [{"text": piece} for piece in cut(turn.text)]
        for number, one in enumerate(turn.calls):
            called: dict[str, Any] = {"functionCall": {"name": one.name, "args": one.arguments}}
            parts.append(called if number else {**called, "thoughtSignature": seal_of(self.dialect)})
        return parts

    def _chunk(self, parts: list[dict[str, Any]], *, is_last: bool) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if is_last:
            candidate["finishReason"] = "STOP"
        usage = {
            "promptTokenCount": TOKENS[0],
            "candidatesTokenCount": TOKENS[1],
            "totalTokenCount": sum(TOKENS),
        }
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-scripted"}

    def whole(self, turn: Turn) -> dict[str, Any]:
        return self._chunk(self._parts(turn), is_last=True)

    def pieces(self, turn: Turn) -> list[bytes]:
        parts = self._parts(turn)
        return [
            event(self._chunk([part], is_last=number == len(parts))).replace(b"\n\n", b"\r\n\r\n")
            for number, part in enumerate(parts, 1)
        ]


class ConverseVoice:
    """Amazon's Converse, streamed in its binary frames."""

    dialect: AnyDialect = "bedrock"
    kind = "application/vnd.amazon.eventstream"

    def hear(self, path: str, body: dict[str, Any]) -> Heard:
        blocks = [block for message in body["messages"] for block in message["content"]]
        offered = body.get("toolConfig", {}).get("tools", ())
        return Heard(
            dialect=self.dialect,
            path=path,
            body=body,
            streamed=path.endswith("/converse-stream"),
            tools=tuple(tool["toolSpec"]["name"] for tool in offered if "toolSpec" in tool),
            results=tuple(flat(block["toolResult"]["content"]) for block in blocks if "toolResult" in block),
        )

    def whole(self, turn: Turn) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        if turn.thought:
            said = {"text": turn.thought, "signature": seal_of(self.dialect)}
            content.append({"reasoningContent": {"reasoningText": said}})
        if turn.text:
            content.append({"text": turn.text})
        content += [
            {"toolUse": {"toolUseId": one.id, "name": one.name, "input": one.arguments}} for one in turn.calls
        ]
        return {
            "metrics": {"latencyMs": 1},
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": "tool_use" if turn.calls else "end_turn",
            "usage": self._usage,
        }

    @property
    def _usage(self) -> dict[str, int]:
        return {"inputTokens": TOKENS[0], "outputTokens": TOKENS[1], "totalTokens": sum(TOKENS)}

    def pieces(self, turn: Turn) -> list[bytes]:
        frames = [_frame("messageStart", {"role": "assistant"})]
        blocks: list[tuple[dict[str, Any] | None, list[dict[str, Any]]]] = []
        if turn.thought:
            deltas: list[dict[str, Any]] = [{"text": part} for part in cut(turn.thought)]
            blocks.append(
                (None, [{"reasoningContent": one} for one in [*deltas, {"signature": seal_of(self.dialect)}]])
            )
        if turn.text:
            blocks.append((None, [{"text": part} for part in cut(turn.text)]))
        for one in turn.calls:
            start = {"toolUse": {"toolUseId": one.id, "name": one.name}}
            blocks.append((start, [{"toolUse": {"input": part}} for part in cut(one.text)]))
        for index, (begun, deltas) in enumerate(blocks):
            if begun is not None:
                frames.append(_frame("contentBlockStart", {"contentBlockIndex": index, "start": begun}))
            frames += [
                _frame("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}) for delta in deltas
            ]
            frames.append(_frame("contentBlockStop", {"contentBlockIndex": index}))
        frames.append(_frame("messageStop", {"stopReason": "tool_use" if turn.calls else "end_turn"}))
        return [*frames, _frame("metadata", {"usage": self._usage, "metrics": {"latencyMs": 1}})]


def _frame(kind: str, payload: dict[str, Any]) -> bytes:
    named = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in named.items()
    )
    body = json.dumps(payload).encode()
    head = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    head += struct.pack("!I", zlib.crc32(head))
    message = head + headers + body
    return message + struct.pack("!I", zlib.crc32(message))
