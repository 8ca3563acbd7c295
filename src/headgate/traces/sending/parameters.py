"""What a call was asked with, by the names of OpenTelemetry's conventions. Pure.

Numbers and words of a fixed set alone: free text, such as where an answer is to stop, leaves with content.
Source: open-telemetry/semantic-conventions-genai.
"""

import math
import re
from typing import Any, Final, cast

from headgate.traces.sending.model import SentCall

NUMBERS: Final = {
    "max_output": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "n": "gen_ai.request.choice.count",
    "dimensions": "gen_ai.embeddings.dimension.count",
}
WORDS: Final = {
    "reasoning_effort": "gen_ai.request.reasoning.level",
    "encoding_format": "gen_ai.request.encoding_formats",
    "service_tier": "openai.request.service_tier",
}
OUTPUTS: Final = {"images": "image"}
"""Operations whose answer is of one kind."""
_FLOATS: Final = frozenset({"temperature", "top_p", "frequency_penalty", "presence_penalty"})
_LISTS: Final = frozenset({"encoding_format"})
_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,23}")
_JSON: Final = re.compile(r"json", re.IGNORECASE)


def parameters_of(call: SentCall, *, content: bool) -> dict[str, Any]:
    """Return the attributes of a call's parameters; those that say nothing are left out."""
    found: dict[str, Any] = {}
    for name, attribute in NUMBERS.items():
        value = call.parameters.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            found[attribute] = float(value) if name in _FLOATS else int(value)
    for name, attribute in WORDS.items():
        value = call.parameters.get(name)
        is_openai = call.dialect.startswith("openai")
        if isinstance(value, str) and _WORD.fullmatch(value) and (name != "service_tier" or is_openai):
            found[attribute] = (value,) if name in _LISTS else value
    if output := _output(call):
        found["gen_ai.output.type"] = output
    stops: Any = call.parameters.get("stop")
    if content and stops:
        texts = cast("list[Any]", stops) if isinstance(stops, list) else [stops]
        found["gen_ai.request.stop_sequences"] = tuple([text for text in texts if isinstance(text, str)])
    return found


def _output(call: SentCall) -> str:
    """The kind of content that was asked for, where the call says it."""
    if call.operation in OUTPUTS:
        return OUTPUTS[call.operation]
    wanted: Any = call.parameters.get("response_format")
    kind = cast("dict[str, Any]", wanted).get("type") if isinstance(wanted, dict) else None
    return "json" if isinstance(kind, str) and _JSON.match(kind) else ""
