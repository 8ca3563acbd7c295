"""Usage in Anthropic's words: cached tokens beside the input, an hour's apart (traps 1, 10). Pure.

Reading it is `wire.usage`; what a stream says of it in pieces is put together by `wire.anthropic_stream`.
"""

from typing import Final

from headgate.core.call import Usage
from headgate.core.chat import Fields

_TIERS: Final = frozenset({"standard", "priority", "batch"})


def usage_fields(usage: Usage, service_tier: str | None = None) -> Fields:
    """The usage of another provider's answer, in Anthropic's words."""
    fields: Fields = {
        "input_tokens": usage.input + usage.input_audio + usage.input_image,
        "cache_creation_input_tokens": usage.cache_write + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cache_read + usage.cache_read_audio,
        "output_tokens": usage.total_output,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
    }
    if usage.reasoning:
        fields["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    searches, fetches = usage.units.get("web_search", 0), usage.units.get("web_fetch", 0)
    if searches or fetches:
        fields["server_tool_use"] = {"web_search_requests": searches, "web_fetch_requests": fetches}
    if service_tier in _TIERS:
        fields["service_tier"] = service_tier
    return fields
