"""What providers say of tokens, as disjoint buckets.

Each dialect counts differently: some count cached tokens into the input and others not, some count reasoning
into the output and others not. Read nowhere else. Never estimates: what a provider does not say is zero,
what it says stays beside it as `usage_raw`. Read next: `wire.answers`, `wire.streams`.
"""

from typing import Annotated, Any, Literal, cast

import msgspec

from headgate.core.call import AnyDialect, Operation, Usage

Fields = dict[str, Any]

TOKENS_MAX = 1 << 40
UNIT_KINDS_MAX = 16

_decode = msgspec.json.Decoder().decode


def fields_of(raw: bytes | msgspec.Raw | None) -> Fields | None:
    """Decode a JSON object; None for anything else."""
    if not raw:
        return None
    try:
        value = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return cast("Fields", value) if isinstance(value, dict) else None


def usage_of(dialect: AnyDialect, operation: Operation, fields: Fields) -> Usage:
    """Read a provider's usage object, in disjoint buckets.

    `fields` is the object itself: `usage`, or Google's `usageMetadata`.
    """
    match dialect:
        case "openai-chat":
            return _openai_chat(fields)
        case "openai-responses":
            return _openai_responses(fields)
        case "openai":
            return _openai_plain(operation, fields)
        case "anthropic":
            return _anthropic(fields)
        case "google":
            return _google(fields)
        case "bedrock":
            return bedrock_usage(fields)
        case "cohere" | "cohere-v1":
            return _cohere(fields)
        case "bedrock-invoke":
            return _invoked(fields)


def count(fields: Fields, name: str) -> int:
    """A number of tokens; 0 where it is absent, null, negative or no whole number."""
    value = fields.get(name)
    if value is None:  # by far the most, and after it a plain number
        return 0
    if type(value) is int:
        return value if 0 <= value <= TOKENS_MAX else 0
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= TOKENS_MAX:
        return 0
    return value


def inner(fields: Fields, *names: str) -> Fields:
    """The first of these members that is an object; empty where none is."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, dict):
            return cast("Fields", value)
    return {}


_Tokens = Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)] | None
_Zero = Literal[0] | None


class _Given(msgspec.Struct, forbid_unknown_fields=True):
    cached_tokens: _Zero = None
    audio_tokens: _Zero = None


class _Made(msgspec.Struct, forbid_unknown_fields=True):
    reasoning_tokens: _Zero = None
    audio_tokens: _Zero = None
    accepted_prediction_tokens: _Tokens = None
    rejected_prediction_tokens: _Tokens = None


class _PlainChat(msgspec.Struct, forbid_unknown_fields=True):
    """A chat's usage with nothing in it but text: nothing cached, reasoned, heard, seen, or searched for."""

    prompt_tokens: _Tokens = None
    completion_tokens: _Tokens = None
    total_tokens: _Tokens = None
    prompt_tokens_details: _Given | None = None
    completion_tokens_details: _Made | None = None


_plain_chat = msgspec.json.Decoder(_PlainChat).decode


def plain_chat_usage(raw: bytes | msgspec.Raw) -> Usage | None:
    """Read the usage of a chat in one step where it is of the plainest kind; None leaves it to `usage_of`."""
    try:
        plain = _plain_chat(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    prompt, completion = plain.prompt_tokens or 0, plain.completion_tokens or 0
    if (plain.total_tokens or 0) > prompt + completion or raw == b"null":
        return None
    return Usage(input=prompt, output=completion)


def _openai_chat(fields: Fields) -> Usage:
    prompt, completion = count(fields, "prompt_tokens"), count(fields, "completion_tokens")
    given = inner(fields, "prompt_tokens_details", "prompt_token_details")
    made = inner(fields, "completion_tokens_details")
    cache_read = max(
        count(given, "cached_tokens"),
        count(fields, "prompt_cache_hit_tokens"),
        count(fields, "num_cached_tokens"),
        count(fields, "cached_tokens"),
    )
    reasoning = max(count(made, "reasoning_tokens"), count(fields, "reasoning_tokens"))
    # Some services leave reasoning out of the completion and show it only in the total.
    unseen = max(count(fields, "total_tokens") - prompt - completion, 0)
    if unseen:
        reasoning = max(reasoning, unseen)
        completion += unseen
    details = inner(fields, "server_tool_use_details", "server_tool_use")
    units = _requests(details) if details else {}
    searches = max(units.get("web_search", 0), count(fields, "num_search_queries"))
    return _split(
        prompt,
        completion,
        Usage(
            cache_read=cache_read,
            cache_write=max(count(given, "cache_write_tokens"), count(given, "cache_creation_tokens")),
            cache_write_1h=count(given, "cache_write_1h_tokens"),
            input_audio=count(given, "audio_tokens"),
            input_image=count(given, "image_tokens"),
            reasoning=reasoning,
            output_audio=count(made, "audio_tokens"),
            output_image=count(made, "image_tokens"),
            units={**units, "web_search": searches} if searches else units,
        ),
    )


def _split(prompt: int, completion: int, claimed: Usage) -> Usage:
    """Divide a prompt and a completion among the parts that are claimed; none takes more than is left.

    Of what is claimed to be written to the cache, that for an hour is a part.
    """
    cache_read = min(claimed.cache_read, prompt)
    left = prompt - cache_read
    cache_write = min(claimed.cache_write, left)
    left -= cache_write
    long = min(claimed.cache_write_1h, cache_write)
    # Providers that count audio or images count the cached ones in; what is cached is cheaper, so that
    # taking the rest for uncached charges no less than was used.
    input_audio = min(claimed.input_audio, left)
    input_image = min(claimed.input_image, left - input_audio)
    reasoning = min(claimed.reasoning, completion)
    made = completion - reasoning
    output_audio = min(claimed.output_audio, made)
    output_image = min(claimed.output_image, made - output_audio)
    return Usage(
        input=left - input_audio - input_image,
        cache_read=cache_read,
        cache_write=cache_write - long,
        cache_write_1h=long,
        input_audio=input_audio,
        input_image=input_image,
        output=made - output_audio - output_image,
        reasoning=reasoning,
        output_audio=output_audio,
        output_image=output_image,
        units=claimed.units,
    )


def _openai_responses(fields: Fields) -> Usage:
    given, made = inner(fields, "input_tokens_details"), inner(fields, "output_tokens_details")
    return _split(
        count(fields, "input_tokens"),
        count(fields, "output_tokens"),
        Usage(
            cache_read=count(given, "cached_tokens"),
            cache_write=count(given, "cache_write_tokens"),
            input_audio=count(given, "audio_tokens"),
            input_image=count(given, "image_tokens"),
            reasoning=count(made, "reasoning_tokens"),
            output_audio=count(made, "audio_tokens"),
            output_image=count(made, "image_tokens"),
        ),
    )


def _openai_plain(operation: Operation, fields: Fields) -> Usage:
    if operation == "completions":
        return _openai_chat(fields)
    if fields.get("type") == "duration":
        return Usage(units={"audio_seconds": _seconds(fields)})
    given = inner(fields, "input_tokens_details", "input_token_details")
    made = inner(fields, "output_tokens_details", "output_token_details")
    prompt = count(fields, "input_tokens") or count(fields, "prompt_tokens")
    completion = count(fields, "output_tokens") or count(fields, "completion_tokens")
    if not prompt and not completion:
        prompt = count(fields, "total_tokens")
    images = count(made, "image_tokens")
    if operation == "images" and not made:
        images = completion
    return _split(
        prompt,
        completion,
        Usage(
            cache_read=count(given, "cached_tokens"),
            input_audio=count(given, "audio_tokens"),
            input_image=count(given, "image_tokens"),
            output_audio=completion if operation == "audio" and not given else count(made, "audio_tokens"),
            output_image=images,
        ),
    )


def _seconds(fields: Fields) -> int:
    value = fields.get("seconds")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < TOKENS_MAX:
        return 0
    return int(-(-value // 1))


def _anthropic(fields: Fields) -> Usage:
    usage = _anthropic_sum(fields)
    rounds = fields.get("iterations")
    if not isinstance(rounds, list):
        return usage
    rows = [cast("Fields", row) for row in cast("list[object]", rounds) if isinstance(row, dict)]
    # Rounds of another model have another price, which nobody can tell from here: they count as a unit
    # without a price, so that the cost shows as unknown and not as too little.
    advice = sum("model" in row for row in rows)
    units = {**usage.units, "advisor": advice} if advice else usage.units
    parts = [_anthropic_sum(row) for row in rows if "model" not in row]
    # The sums on top leave out rounds of compaction, which are billed.
    if sum(part.total for part in parts) <= usage.total:
        return msgspec.structs.replace(usage, units=units)
    return Usage(
        input=sum(part.input for part in parts),
        cache_read=sum(part.cache_read for part in parts),
        cache_write=sum(part.cache_write for part in parts),
        cache_write_1h=sum(part.cache_write_1h for part in parts),
        output=sum(part.output for part in parts),
        reasoning=sum(part.reasoning for part in parts),
        units=units,
    )


def _anthropic_sum(fields: Fields) -> Usage:
    lives = inner(fields, "cache_creation")
    short, long = count(lives, "ephemeral_5m_input_tokens"), count(lives, "ephemeral_1h_input_tokens")
    written = max(count(fields, "cache_creation_input_tokens"), short + long)
    made = count(fields, "output_tokens")
    thinking = min(count(inner(fields, "output_tokens_details"), "thinking_tokens"), made)
    return Usage(
        input=count(fields, "input_tokens"),
        cache_read=count(fields, "cache_read_input_tokens"),
        cache_write=written - long,
        cache_write_1h=long,
        output=made - thinking,
        reasoning=thinking,
        units=_requests(inner(fields, "server_tool_use")),
    )


def _requests(used: Fields) -> dict[str, int]:
    """What a provider's own tools did, by the members that count their requests."""
    return {
        name.removesuffix("_requests"): number
        for name in sorted(used)[:UNIT_KINDS_MAX]
        if name.endswith("_requests") and (number := count(used, name))
    }


def bedrock_usage(fields: Fields) -> Usage:
    """Read the usage of Bedrock's Converse, whose input does not count what was cached (trap 1).

    Cached tokens stand under two names; what was written is split by its life where that is said.
    """
    written = max(count(fields, "cacheWriteInputTokens"), count(fields, "cacheWriteInputTokenCount"))
    details = fields.get("cacheDetails")
    rows = cast("list[object]", details) if isinstance(details, list) else []
    lives = [cast("Fields", row) for row in rows if isinstance(row, dict)]
    long = min(sum(count(row, "inputTokens") for row in lives if row.get("ttl") == "1h"), written)
    used = inner(fields, "serverToolUsage")
    return Usage(
        input=count(fields, "inputTokens"),
        cache_read=max(count(fields, "cacheReadInputTokens"), count(fields, "cacheReadInputTokenCount")),
        cache_write=written - long,
        cache_write_1h=long,
        output=count(fields, "outputTokens"),
        units={name: number for name in sorted(used)[:UNIT_KINDS_MAX] if (number := count(used, name))},
    )


def _cohere(fields: Fields) -> Usage:
    """What Cohere charges for: `billed_units`; without them, the `tokens` that its models read and wrote.

    Those hold its own template of the prompt, and the cached tokens are a part of them: neither is charged.
    """
    billed = inner(fields, "billed_units")
    tokens = billed if "input_tokens" in billed or "output_tokens" in billed else inner(fields, "tokens")
    searches = count(billed, "search_units")
    return Usage(
        input=count(tokens, "input_tokens"),
        output=count(tokens, "output_tokens"),
        units={"search_units": searches} if searches else {},
    )


def _invoked(fields: Fields) -> Usage:
    """What the bodies of Titan's and Llama's answers on Bedrock say."""
    results = fields.get("results")
    rows = cast("list[object]", results) if isinstance(results, list) else []
    made = sum(count(cast("Fields", row), "tokenCount") for row in rows if isinstance(row, dict))
    return Usage(
        input=count(fields, "inputTextTokenCount") or count(fields, "prompt_token_count"),
        output=made or count(fields, "generation_token_count"),
    )


def _google(fields: Fields) -> Usage:
    given = _modalities(fields, "promptTokensDetails", "promptTokenDetails")
    cached = _modalities(fields, "cacheTokensDetails")
    made = _modalities(fields, "candidatesTokensDetails", "responseTokensDetails")
    prompt = count(fields, "promptTokenCount") + count(fields, "toolUsePromptTokenCount")
    cache_read = min(count(fields, "cachedContentTokenCount"), prompt)
    cache_audio = min(cached.get("AUDIO", 0), cache_read)
    thoughts = count(fields, "thoughtsTokenCount")
    completion = count(fields, "candidatesTokenCount") or count(fields, "responseTokenCount")
    usage = _split(
        prompt,
        completion + thoughts,
        Usage(
            cache_read=cache_read,
            input_audio=max(given.get("AUDIO", 0) - cached.get("AUDIO", 0), 0),
            input_image=max(given.get("IMAGE", 0) - cached.get("IMAGE", 0), 0),
            reasoning=thoughts,
            output_audio=made.get("AUDIO", 0),
            output_image=made.get("IMAGE", 0),
        ),
    )
    if not cache_audio:
        return usage
    return msgspec.structs.replace(usage, cache_read=cache_read - cache_audio, cache_read_audio=cache_audio)


def _modalities(fields: Fields, *names: str) -> dict[str, int]:
    for name in names:
        value = fields.get(name)
        if isinstance(value, list):
            rows = [cast("Fields", row) for row in cast("list[object]", value) if isinstance(row, dict)]
            return {str(row.get("modality")): count(row, "tokenCount") for row in rows}
    return {}
