"""Scripted providers of OpenAI's two dialects and of Anthropic's: they listen and talk as the originals do.

Written from the providers' own references, not with the product's codecs. Read next: `voices_cloud`.
"""

import json
from typing import Any, cast

from tests.attack.clients.spoken import TOKENS, Heard, Turn, cut, event, flat, seal_of

from headgate.core.call import AnyDialect

MODEL = "scripted-model"


class ChatVoice:
    """OpenAI's chat completions, with the thoughts of those services that show them."""

    dialect: AnyDialect = "openai-chat"
    kind = "text/event-stream"

    def hear(self, path: str, body: dict[str, Any]) -> Heard:
        return Heard(
            dialect=self.dialect,
            path=path,
            body=body,
            streamed=bool(body.get("stream")),
            tools=tuple(tool["function"]["name"] for tool in body.get("tools", ())),
            results=tuple(flat(one["content"]) for one in body["messages"] if one["role"] == "tool"),
        )

    def whole(self, turn: Turn) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": turn.text or None}
        if turn.thought:
            message["reasoning_content"] = turn.thought
        if turn.calls:
            message["tool_calls"] = [
                {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": one.text}}
                for one in turn.calls
            ]
        finish = "tool_calls" if turn.calls else "stop"
        return {
            "id": f"chatcmpl-{turn.number}",
            "object": "chat.completion",
            "created": 1,
            "model": MODEL,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": self._usage,
        }

    @property
    def _usage(self) -> dict[str, int]:
        return {"prompt_tokens": TOKENS[0], "completion_tokens": TOKENS[1], "total_tokens": sum(TOKENS)}

    def pieces(self, turn: Turn) -> list[bytes]:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"reasoning_content": part} for part in cut(turn.thought)]
        deltas += [{"content": part} for part in cut(turn.text)]
        for index, one in enumerate(turn.calls):
            begun = {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": ""}}
            deltas.append({"tool_calls": [{"index": index, **begun}]})
            deltas += [
                {"tool_calls": [{"index": index, "function": {"arguments": part}}]} for part in cut(one.text)
            ]
        choices: list[list[dict[str, Any]]] = [
            [{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas
        ]
        choices.append([{"index": 0, "delta": {}, "finish_reason": "tool_calls" if turn.calls else "stop"}])
        base = {
            "id": f"chatcmpl-{turn.number}",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": MODEL,
        }
        return [
            *(event({**base, "choices": choice}) for choice in choices),
            event({**base, "choices": [], "usage": self._usage}),
            b"data: [DONE]\n\n",
        ]


class ResponsesVoice:
    """OpenAI's Responses, without stored state."""

    dialect: AnyDialect = "openai-responses"
    kind = "text/event-stream"

    def hear(self, path: str, body: dict[str, Any]) -> Heard:
        given: Any = body["input"]
        items = cast("list[dict[str, Any]]", given if isinstance(given, list) else [])
        return Heard(
            dialect=self.dialect,
            path=path,
            body=body,
            streamed=bool(body.get("stream")),
            tools=tuple(tool["name"] for tool in body.get("tools", ()) if tool["type"] == "function"),
            results=tuple(
                flat(item["output"]) for item in items if item.get("type") == "function_call_output"
            ),
        )

    def _items(self, turn: Turn) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        if turn.thought:
            summary = [{"type": "summary_text", "text": turn.thought}]
            items.append(
                {
                    "type": "reasoning",
                    "id": f"rs_{turn.number}",
                    "summary": summary,
                    "encrypted_content": seal_of(self.dialect),
                }
            )
        if turn.text:
            content: list[dict[str, Any]] = [{"type": "output_text", "text": turn.text, "annotations": []}]
            items.append(
                {
                    "type": "message",
                    "id": f"msg_{turn.number}",
                    "role": "assistant",
                    "status": "completed",
                    "content": content,
                }
            )
        items += [
            {
                "type": "function_call",
                "id": f"fc_{one.id}",
                "call_id": one.id,
                "name": one.name,
                "arguments": one.text,
                "status": "completed",
            }
            for one in turn.calls
        ]
        return items

    def whole(self, turn: Turn) -> dict[str, Any]:
        return self._response(turn, self._items(turn), "completed")

    def _response(self, turn: Turn, items: list[dict[str, Any]], status: str) -> dict[str, Any]:
        usage = {
            "input_tokens": TOKENS[0],
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": TOKENS[1],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": sum(TOKENS),
        }
        return {
            "id": f"resp_{turn.number}",
            "object": "response",
            "created_at": 1,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "model": MODEL,
            "output": items,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "metadata": {},
            "usage": usage if status == "completed" else None,
        }

    def pieces(self, turn: Turn) -> list[bytes]:
        said: list[dict[str, Any]] = [
            {"type": kind, "response": self._response(turn, [], "in_progress")}
            for kind in ("response.created", "response.in_progress")
        ]
        items = self._items(turn)
        for index, item in enumerate(items):
            said += self._item(index, item)
        said.append({"type": "response.completed", "response": self._response(turn, items, "completed")})
        return [
            event({**one, "sequence_number": number}, str(one["type"])) for number, one in enumerate(said)
        ]

    def _item(self, index: int, item: dict[str, Any]) -> list[dict[str, Any]]:
        place = {"output_index": index, "item_id": item["id"]}
        begun = {**item, "status": "in_progress"}
        inner: list[dict[str, Any]] = []
        if item["type"] == "function_call":
            begun["arguments"] = ""
            kind = "response.function_call_arguments"
            inner = [{"type": f"{kind}.delta", **place, "delta": part} for part in cut(item["arguments"])]
            inner.append({"type": f"{kind}.done", **place, "arguments": item["arguments"]})
        elif item["type"] == "message":
            begun["content"] = []
            inner = self._part(place, "content", "response.output_text", item["content"][0])
        else:
            begun["summary"] = []
            inner = self._part(place, "summary", "response.reasoning_summary_text", item["summary"][0])
        return [
            {"type": "response.output_item.added", "output_index": index, "item": begun},
            *inner,
            {"type": "response.output_item.done", "output_index": index, "item": item},
        ]

    def _part(
        self, place: dict[str, Any], within: str, kind: str, part: dict[str, Any]
    ) -> list[dict[str, Any]]:
        prefix = "response.content_part" if within == "content" else "response.reasoning_summary_part"
        at = {**place, f"{within}_index": 0}
        return [
            {"type": f"{prefix}.added", **at, "part": {**part, "text": ""}},
            *({"type": f"{kind}.delta", **at, "delta": piece} for piece in cut(part["text"])),
            {"type": f"{kind}.done", **at, "text": part["text"]},
            {"type": f"{prefix}.done", **at, "part": part},
        ]


class MessagesVoice:
    """Anthropic's Messages."""

    dialect: AnyDialect = "anthropic"
    kind = "text/event-stream"

    def hear(self, path: str, body: dict[str, Any]) -> Heard:
        blocks = [
            block
            for message in body["messages"]
            if isinstance(message["content"], list)
            for block in message["content"]
        ]
        return Heard(
            dialect=self.dialect,
            path=path,
            body=body,
            streamed=bool(body.get("stream")),
            tools=tuple(tool["name"] for tool in body.get("tools", ())),
            results=tuple(
                flat(block.get("content", "")) for block in blocks if block["type"] == "tool_result"
            ),
        )

    def _blocks(self, turn: Turn) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = []
        if turn.thought:
            blocks.append({"type": "thinking", "thinking": turn.thought, "signature": seal_of(self.dialect)})
        if turn.text:
            blocks.append({"type": "text", "text": turn.text})
        blocks += [
            {"type": "tool_use", "id": one.id, "name": one.name, "input": one.arguments} for one in turn.calls
        ]
        return blocks

    def whole(self, turn: Turn) -> dict[str, Any]:
        return {
            "id": f"msg_{turn.number}",
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "content": self._blocks(turn),
            "stop_reason": "tool_use" if turn.calls else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": TOKENS[0], "output_tokens": TOKENS[1]},
        }

    def pieces(self, turn: Turn) -> list[bytes]:
        begun: dict[str, Any] = {**self.whole(turn), "content": [], "stop_reason": None}
        begun["usage"] = {"input_tokens": TOKENS[0], "output_tokens": 1}
        said: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
        for index, block in enumerate(self._blocks(turn)):
            empty, deltas = self._deltas(block)
            said.append({"type": "content_block_start", "index": index, "content_block": empty})
            said += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
            said.append({"type": "content_block_stop", "index": index})
        reason = {"stop_reason": "tool_use" if turn.calls else "end_turn", "stop_sequence": None}
        said.append({"type": "message_delta", "delta": reason, "usage": {"output_tokens": TOKENS[1]}})
        said.append({"type": "message_stop"})
        return [event(one, str(one["type"])) for one in said]

    def _deltas(self, block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        if block["type"] == "tool_use":
            text = json.dumps(block["input"])
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in cut(text)]
            return {**block, "input": {}}, deltas
        if block["type"] == "thinking":
            deltas = [{"type": "thinking_delta", "thinking": part} for part in cut(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
            return {"type": "thinking", "thinking": "", "signature": ""}, deltas
        return {"type": "text", "text": ""}, [
            {"type": "text_delta", "text": part} for part in cut(block["text"])
        ]
