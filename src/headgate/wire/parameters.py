"""Parameters of model calls by canonical names, and where each dialect's body has them.

One table for what reads them (records), sets them (rules) and writes them (managed prompts). Values are never
translated: what a dialect takes for `tool_choice` another may not. Read next: `releases.parameters`,
`wire.members`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeGuard, cast

import msgspec

from headgate.core.call import Dialect, Operation

Place = tuple[tuple[str, ...], ...]
"""The members that lead to a value. Each has one or more spellings; the first is written where none is there.
`*` stands for each item of an array."""

VALUE_BYTES_MAX: Final = 4096
PARAMETERS_MAX: Final = 64

_TALK: Final[tuple[Operation, ...]] = ("chat",)
_TEXT: Final[tuple[Operation, ...]] = ("chat", "completions")


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What one canonical parameter is called in each dialect, and in which operations it means anything."""

    operations: tuple[Operation, ...]
    chat: str = ""
    responses: str = ""
    plain: str = ""
    anthropic: str = ""
    google: str = ""
    about: str = ""


def _same(name: str, operations: tuple[Operation, ...] = _TEXT, **others: str) -> Names:
    """A parameter that OpenAI's dialects call by its canonical name."""
    given = {"chat": name, "responses": name, "plain": name, **others}
    return Names(operations=operations, **given)


PARAMETERS: Final[Mapping[str, Names]] = {
    "temperature": _same("temperature", anthropic="temperature", google="generationConfig.temperature"),
    "top_p": _same("top_p", anthropic="top_p", google="generationConfig.topP"),
    "top_k": _same("top_k", responses="", anthropic="top_k", google="generationConfig.topK"),
    "min_p": _same("min_p", responses=""),
    "max_output": Names(
        operations=_TEXT,
        chat="max_completion_tokens|max_tokens",
        responses="max_output_tokens",
        plain="max_tokens",
        anthropic="max_tokens",
        google="generationConfig.maxOutputTokens",
        about="the most tokens of an answer",
    ),
    "stop": _same("stop", responses="", anthropic="stop_sequences", google="generationConfig.stopSequences"),
    "seed": _same("seed", responses="", google="generationConfig.seed"),
    "presence_penalty": _same("presence_penalty", responses="", google="generationConfig.presencePenalty"),
    "frequency_penalty": _same("frequency_penalty", responses="", google="generationConfig.frequencyPenalty"),
    "repetition_penalty": _same("repetition_penalty", responses=""),
    "logit_bias": _same("logit_bias", responses=""),
    "logprobs": _same("logprobs", responses="", google="generationConfig.responseLogprobs"),
    "top_logprobs": Names(
        operations=_TALK,
        chat="top_logprobs",
        responses="top_logprobs",
        google="generationConfig.logprobs",
    ),
    "reasoning_effort": Names(
        operations=_TALK,
        chat="reasoning_effort",
        responses="reasoning.effort",
        anthropic="output_config.effort",
        google="generationConfig.thinkingConfig.thinkingLevel",
    ),
    "reasoning_budget": Names(
        operations=_TALK,
        anthropic="thinking.budget_tokens",
        google="generationConfig.thinkingConfig.thinkingBudget",
        about="the most tokens of thinking",
    ),
    "verbosity": Names(operations=_TALK, chat="verbosity", responses="text.verbosity"),
    "response_format": Names(
        operations=("chat", "images", "audio"),
        chat="response_format",
        responses="text.format",
        plain="response_format",
        anthropic="output_config.format",
    ),
    "tool_choice": Names(
        operations=_TALK,
        chat="tool_choice",
        responses="tool_choice",
        anthropic="tool_choice",
        google="toolConfig.functionCallingConfig",
    ),
    "parallel_tool_calls": Names(
        operations=_TALK, chat="parallel_tool_calls", responses="parallel_tool_calls"
    ),
    "n": Names(
        operations=("chat", "completions", "images"),
        chat="n",
        plain="n",
        google="generationConfig.candidateCount",
        about="how many answers",
    ),
    "service_tier": Names(
        operations=_TEXT,
        chat="service_tier",
        responses="service_tier",
        plain="service_tier",
        anthropic="service_tier",
        google="serviceTier",
    ),
    "dimensions": Names(
        operations=("embeddings",),
        plain="dimensions",
        google="outputDimensionality",
        about="the size of an embedding",
    ),
    "encoding_format": Names(operations=("embeddings",), plain="encoding_format"),
    "task_type": Names(operations=("embeddings",), google="taskType"),
}
"""Sources (2026-11-21): the API references of OpenAI (chat, responses, completions, embeddings, images,
audio), Anthropic (messages), Google (generateContent, embedContent), and vLLM's additions to chat."""

LISTS: Final = frozenset({("anthropic", "stop"), ("google", "stop")})
"""Where one text has to be written as an array."""

CONTENT: Final = frozenset(
    {
        "model", "messages", "input", "contents", "content", "requests", "system", "instructions", "prompt",
        "systemInstruction", "system_instruction", "tools", "functions", "suffix", "stream", "stream_options",
        "user", "safety_identifier", "metadata", "prompt_cache_key", "previous_response_id", "conversation",
        "container", "cachedContent", "cached_content", "mcp_servers", "plugins", "labels", "title", "file",
    }
)  # fmt: skip
"""Members of a body that are no parameters: what is said, by whom, to whom, and how the answer comes."""

_COLUMNS: Final[dict[str, Callable[[Names], str]]] = {
    "openai-chat": lambda names: names.chat,
    "openai-responses": lambda names: names.responses,
    "openai": lambda names: names.plain,
    "anthropic": lambda names: names.anthropic,
    "google": lambda names: names.google,
}
_decode = msgspec.json.Decoder().decode
_raw_batch = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_raw_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def place_of(name: str, dialect: Dialect, operation: Operation) -> Place | None:
    """Return where a canonical parameter stands in a body; None where the dialect or operation has none."""
    names = PARAMETERS.get(name)
    if names is None or operation not in names.operations:
        return None
    path = _COLUMNS[dialect](names)
    return path_of(path, dialect) if path else None


def path_of(path: str, dialect: Dialect) -> Place:
    """Return the place of a path written with dots; Google's members are known in snake case, too."""
    parts = path.split(".")
    return tuple(_spellings(part, dialect) for part in parts)


def _spellings(part: str, dialect: Dialect) -> tuple[str, ...]:
    if dialect != "google":
        return tuple(part.split("|"))
    head, *rest = part.split("_")
    camel = head + "".join(word.capitalize() for word in rest)
    snake = "".join("_" + letter.lower() if letter.isupper() else letter for letter in camel)
    return (camel,) if camel == snake else (camel, snake)


def _by_path(dialect: Dialect) -> dict[str, str]:
    """Canonical names by each spelling of the path that a dialect has for them."""
    found: dict[str, str] = {}
    for name, names in PARAMETERS.items():
        path = _COLUMNS[dialect](names)
        if path:
            for spelling in _paths(path_of(path, dialect)):
                found[spelling] = name
    return found


def _paths(place: Place) -> list[str]:
    paths = [""]
    for spellings in place:
        paths = [f"{path}.{spelling}" if path else spelling for path in paths for spelling in spellings]
    return paths


_DIALECTS: Final[tuple[Dialect, ...]] = ("openai-chat", "openai-responses", "openai", "anthropic", "google")
NAMES: Final[Mapping[Dialect, Mapping[str, str]]] = {dialect: _by_path(dialect) for dialect in _DIALECTS}
"""Canonical names by the body's own paths, by dialect."""

_CONTAINERS: Final[Mapping[Dialect, frozenset[str]]] = {
    dialect: frozenset(path[: dot.start()] for path in names for dot in re.finditer(r"\.", path))
    for dialect, names in NAMES.items()
}
"""Paths of the objects that hold parameters; every level of them."""


def is_dialect(text: str) -> TypeGuard[Dialect]:
    """Whether a text names a dialect."""
    return text in NAMES


def parameters_in(dialect: Dialect, body: bytes) -> dict[str, Any]:
    """Return the parameters that stand in a body, by canonical name, else by the body's own path.

    At most 64, and no value of more than 4 KiB: such a one is told by its size. Empty for no JSON object.
    """
    try:
        members = _raw_members(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    found: dict[str, Any] = {}
    for key, raw in (_first_request(members) | members).items():
        if key not in CONTENT:
            _collect(dialect, key, bytes(raw), found)
    return found


def _first_request(members: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """The members of the first of Google's batched requests, which hold the parameters there."""
    try:
        return _raw_batch(members.get("requests", b"[]"))[0]
    except (msgspec.DecodeError, IndexError):
        return {}


def _collect(dialect: Dialect, path: str, raw: bytes, found: dict[str, Any]) -> None:
    if len(found) >= PARAMETERS_MAX or raw == b"null":
        return
    if path in _CONTAINERS[dialect] and raw.startswith(b"{") and path not in NAMES[dialect]:
        for key, inner in _raw_members(raw).items():
            _collect(dialect, f"{path}.{key}", bytes(inner), found)
        return
    name = NAMES[dialect].get(path, path)
    if len(raw) > VALUE_BYTES_MAX:
        found[name] = f"({len(raw)} bytes)"
        return
    try:
        found[name] = cast("object", _decode(raw))
    except (msgspec.DecodeError, RecursionError):
        return
