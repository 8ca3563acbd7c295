"""Usage, written back into OpenAI's own sums: a prompt that holds the cached tokens, a completion that holds
the reasoning (traps 1, 2 and 9). Pure. Reading it is `wire.usage`. Read next: `answers`, `streams_out`.
"""

from headgate.core.call import Usage
from headgate.core.chat import Fields, Native
from headgate.wire.dialects.openai_chat.spelling import OWN


def write_usage(usage: Usage, native: Native | None = None) -> Fields:
    """Write usage: a provider's own object of this dialect as it came, else OpenAI's, zeros included."""
    if native is not None and native.dialect == OWN:
        own = native.fields.get("usage")
        if isinstance(own, dict):
            return {str(name): value for name, value in own.items()}  # pyright: ignore
    given: Fields = {
        "cached_tokens": usage.cache_read + usage.cache_read_audio,
        "audio_tokens": usage.input_audio,
    }
    written = usage.cache_write + usage.cache_write_1h
    if written:
        given["cache_write_tokens"] = written
    if usage.cache_write_1h:
        given["cache_write_1h_tokens"] = usage.cache_write_1h
    if usage.input_image:
        given["image_tokens"] = usage.input_image
    made: Fields = {
        "reasoning_tokens": usage.reasoning,
        "audio_tokens": usage.output_audio,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    }
    if usage.output_image:
        made["image_tokens"] = usage.output_image
    fields: Fields = {
        "prompt_tokens": usage.total_input,
        "completion_tokens": usage.total_output,
        "total_tokens": usage.total,
        "prompt_tokens_details": given,
        "completion_tokens_details": made,
    }
    if usage.units:
        fields["server_tool_use"] = {f"{name}_requests": number for name, number in usage.units.items()}
    return fields
