"""Parameters of a model call: the attributes that hold one, and those that hold all as JSON. Tables.

They become one JSON object under the names of the request. Read next: `conventions.resolve`.
"""

from collections.abc import Mapping
from typing import Final

_REQUEST: Final = (
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "seed",
    "choice.count",
    "n",
    "stream",
    "encoding_formats",
    "reasoning.level",
    "reasoning_effort",
    "reasoning_summary",
    "previous_response.id",
    "structured_output_schema",
    "response_format",
    "service_tier",
    "parallel_tool_calls",
    "tool_choice",
)

PARAMETER_NAMES: Final[Mapping[str, str]] = {
    **{f"gen_ai.request.{name}": name for name in _REQUEST},
    "openai.request.service_tier": "service_tier",
    "gen_ai.openai.request.seed": "seed",
    "gen_ai.openai.request.response_format": "response_format",
    "gen_ai.openai.request.service_tier": "service_tier",
    "gen_ai.output.type": "output_type",
    "gen_ai.embeddings.dimension.count": "dimensions",
    "gen_ai.retrieval.top_k": "top_k",
    "gen_ai.is_streaming": "stream",
    "llm.is_streaming": "stream",
    "llm.temperature": "temperature",
    "llm.top_p": "top_p",
    "llm.top_k": "top_k",
    "llm.frequency_penalty": "frequency_penalty",
    "llm.presence_penalty": "presence_penalty",
    "llm.chat.stop_sequences": "stop_sequences",
    "llm.request.reasoning_effort": "reasoning_effort",
    "llm.request.repetition_penalty": "repetition_penalty",
    "reranker.top_k": "top_k",
    "ai.settings.maxOutputTokens": "max_tokens",
    "ai.settings.maxTokens": "max_tokens",
    "ai.settings.temperature": "temperature",
    "ai.settings.topP": "top_p",
    "ai.settings.topK": "top_k",
    "ai.settings.seed": "seed",
    "ai.settings.stopSequences": "stop_sequences",
    "ai.settings.presencePenalty": "presence_penalty",
    "ai.settings.frequencyPenalty": "frequency_penalty",
    "ai.prompt.toolChoice": "tool_choice",
}
"""Attributes of one parameter each; the strongest first."""

PARAMETER_SETS: Final = (
    "langfuse.observation.model.parameters",
    "llm.invocation_parameters",
    "embedding.invocation_parameters",
)
"""Attributes that hold a JSON object of them; what stands by itself wins."""
