"""What it costs a call to note why its answer ended and how many tools it calls: microseconds, at least.

`python -m bench.endings`. The bar is a microsecond an answer. Of a stream, the one event that ends it is read
anyhow; what is measured is its word.
"""

import sys
from typing import Final

import msgspec

from bench.least import least_us
from headgate.core.call import Dialect
from headgate.wire.endings import Whole, chat_finish, decode_whole

BAR_US: Final = 1.0

_TEXT: Final = "A touring bicycle carries its rider and forty pounds of bags over hills. " * 8
_TOOL: Final = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "find_parcel", "arguments": '{"number": "1042", "country": "NL"}'},
}
_HEAD: Final = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m-1"}
_USAGE: Final = {"prompt_tokens": 60, "completion_tokens": 120, "total_tokens": 180}

ANSWERS: Final[dict[str, tuple[Dialect, object]]] = {
    "chat completion, a text": (
        "openai-chat",
        {
            **_HEAD,
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": _TEXT}}
            ],
            "usage": _USAGE,
        },
    ),
    "chat completion, two tools": (
        "openai-chat",
        {
            **_HEAD,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "tool_calls",
                    "message": {"content": None, "tool_calls": [_TOOL] * 2},
                }
            ],
            "usage": _USAGE,
        },
    ),
    "message, a text": (
        "anthropic",
        {
            "id": "msg_1",
            "model": "m-1",
            "stop_reason": "end_turn",
            "content": [{"type": "text", "text": _TEXT}],
        },
    ),
    "generateContent, a text": (
        "google",
        {
            "candidates": [{"finishReason": "STOP", "content": {"parts": [{"text": _TEXT}]}}],
            "modelVersion": "m-1",
        },
    ),
    "response, a text": (
        "openai-responses",
        {
            "id": "resp_1",
            "status": "completed",
            "incomplete_details": None,
            "output": [{"type": "message", "content": [{"type": "output_text", "text": _TEXT}]}],
        },
    ),
}

_plain = msgspec.json.Decoder(Whole).decode


def main() -> int:
    """Print what each costs more than before; 1 where one is over the bar."""
    worst = 0.0
    for name, (dialect, answer) in ANSWERS.items():
        body = msgspec.json.encode(answer)
        before = least_us(lambda body=body: _plain(body))
        after = least_us(lambda body=body, dialect=dialect: decode_whole(dialect, body).ending)
        worst = max(worst, after - before)
        print(f"{name} ({len(body)} bytes): {before:.2f} us before, {after:.2f} us with its ending")
    word = least_us(lambda: chat_finish("stop", calls=0, refuses=False))
    print(f"the end of a stream: {word:.2f} us more")
    return int(max(worst, word) > BAR_US)


if __name__ == "__main__":
    sys.exit(main())
