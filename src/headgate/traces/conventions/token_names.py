"""Which attributes count tokens, and of what: tables. Read next: `conventions.tokens`."""

from collections.abc import Mapping
from typing import Final, Literal

Count = Literal[
    "input",
    "output",
    "total",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "input_audio",
    "input_image",
    "cache_read_audio",
    "output_audio",
    "output_image",
]
"""What is counted: as told, so that `input` and `output` may hold the others as parts."""

Style = Literal["whole", "apart"]
"""Whether input and output hold their parts (OpenTelemetry: `whole`) or stand beside them (`apart`)."""

_OF_USAGE: Final[Mapping[str, Count]] = {
    "input_tokens": "input",
    "output_tokens": "output",
    "prompt_tokens": "input",
    "completion_tokens": "output",
    "total_tokens": "total",
    "cache_read.input_tokens": "cache_read",
    "cache_read_input_tokens": "cache_read",
    "cache_read_tokens": "cache_read",
    "input_cached_tokens": "cache_read",
    "input_tokens.cached": "cache_read",
    "details.cache_read_tokens": "cache_read",
    "details.cache_read_input_tokens": "cache_read",
    "details.cached_tokens": "cache_read",
    "details.input_cached_tokens": "cache_read",
    "cache_write.input_tokens": "cache_write",
    "cache_creation.input_tokens": "cache_write",
    "cache_creation_input_tokens": "cache_write",
    "cache_write_tokens": "cache_write",
    "input_cache_creation": "cache_write",
    "details.cache_write_tokens": "cache_write",
    "details.cache_creation_input_tokens": "cache_write",
    "reasoning.output_tokens": "reasoning",
    "reasoning_tokens": "reasoning",
    "output_tokens.reasoning": "reasoning",
    "details.reasoning_tokens": "reasoning",
    "details.thoughts_tokens": "reasoning",
    "audio.input_tokens": "input_audio",
    "details.input_audio_tokens": "input_audio",
    "image.input_tokens": "input_image",
    "audio.cache_read.input_tokens": "cache_read_audio",
    "details.cache_audio_read_tokens": "cache_read_audio",
    "audio.output_tokens": "output_audio",
    "details.output_audio_tokens": "output_audio",
    "image.output_tokens": "output_image",
}

TOKEN_NAMES: Final[Mapping[str, Count]] = {
    **{f"gen_ai.usage.{name}": count for name, count in _OF_USAGE.items()},
    "llm.token_count.prompt": "input",
    "llm.token_count.completion": "output",
    "llm.token_count.total": "total",
    "llm.token_count.prompt_details.cache_read": "cache_read",
    "llm.token_count.prompt_details.cache_input": "cache_read",
    "llm.token_count.prompt_details.cache_write": "cache_write",
    "llm.token_count.prompt_details.audio": "input_audio",
    "llm.token_count.completion_details.reasoning": "reasoning",
    "llm.token_count.completion_details.audio": "output_audio",
    "llm.usage.prompt_tokens": "input",
    "llm.usage.completion_tokens": "output",
    "llm.usage.total_tokens": "total",
    "llm.usage.reasoning_tokens": "reasoning",
    "ai.usage.inputTokens": "input",
    "ai.usage.outputTokens": "output",
    "ai.usage.promptTokens": "input",
    "ai.usage.completionTokens": "output",
    "ai.usage.totalTokens": "total",
    "ai.usage.tokens": "total",
    "ai.usage.cachedInputTokens": "cache_read",
    "ai.usage.inputTokenDetails.cacheReadTokens": "cache_read",
    "ai.usage.inputTokenDetails.cacheWriteTokens": "cache_write",
    "ai.usage.reasoningTokens": "reasoning",
    "ai.usage.outputTokenDetails.reasoningTokens": "reasoning",
    "decision.token_count.input": "input",
    "decision.token_count.output": "output",
    **{f"gen_ai.aggregated_usage.{name}": count for name, count in _OF_USAGE.items()},
}
"""Attributes of one count each, the strongest first."""

TOKEN_SETS: Final[Mapping[str, Style]] = {
    "langfuse.observation.usage_details": "apart",
    "mlflow.chat.tokenUsage": "whole",
}
"""Attributes that hold a JSON object of counts, stronger than single ones, and how they count."""

SET_KEYS: Final[Mapping[str, Count]] = {
    "input": "input",
    "input_tokens": "input",
    "inputTokens": "input",
    "prompt_tokens": "input",
    "promptTokens": "input",
    "output": "output",
    "output_tokens": "output",
    "outputTokens": "output",
    "completion_tokens": "output",
    "completionTokens": "output",
    "total": "total",
    "total_tokens": "total",
    "totalTokens": "total",
    "cache_read_input_tokens": "cache_read",
    "input_cache_read": "cache_read",
    "input_cached_tokens": "cache_read",
    "cached_tokens": "cache_read",
    "cache_creation_input_tokens": "cache_write",
    "input_cache_creation": "cache_write",
    "cache_write_tokens": "cache_write",
    "input_cache_creation_5m": "cache_write",
    "input_cache_creation_1h": "cache_write_1h",
    "reasoning_tokens": "reasoning",
    "output_reasoning": "reasoning",
    "output_reasoning_tokens": "reasoning",
    "input_audio": "input_audio",
    "input_audio_tokens": "input_audio",
    "output_audio": "output_audio",
    "output_audio_tokens": "output_audio",
    "prompt_tokens_details.cached_tokens": "cache_read",
    "prompt_tokens_details.cache_write_tokens": "cache_write",
    "prompt_tokens_details.audio_tokens": "input_audio",
    "input_tokens_details.cached_tokens": "cache_read",
    "input_tokens_details.cache_write_tokens": "cache_write",
    "completion_tokens_details.reasoning_tokens": "reasoning",
    "completion_tokens_details.audio_tokens": "output_audio",
    "output_tokens_details.reasoning_tokens": "reasoning",
}
"""Members of such objects, nested ones by their path."""

WHOLE_KEYS: Final = frozenset(
    {"prompt_tokens", "prompt_tokens_details", "input_tokens_details", "completion_tokens_details"}
)
"""Members by which an object is known to be a provider's own usage, whose input holds its parts."""
