"""What a stand-in bills, and which prefixes it has kept: the provider's side of the books.

Tests hold it against what Headgate has charged. Bounded in memory; knows no prices.
"""

from collections import OrderedDict
from hashlib import blake2b

import msgspec

from headgate.core.call import Usage
from headgate.standins.answers_reply import count_input
from headgate.standins.conversation import Conversation

KEPT_MAX = 1024
CACHE_TOKENS_MIN = 1024
MODELS_MAX = 1000


class Bill:
    """Tokens of all answers so far. A stream that ends early is billed for what was sent of it."""

    def __init__(self) -> None:
        self.calls = 0
        self.usage = Usage()
        self.by_model: dict[str, Usage] = {}

    def add(self, model: str, usage: Usage, *, calls: int = 1) -> None:
        """Add the usage of one call, or a part of it."""
        self.calls += calls
        self.usage = sum_of(self.usage, usage)
        if model in self.by_model or len(self.by_model) < MODELS_MAX:
            self.by_model[model] = sum_of(self.by_model.get(model, Usage()), usage)


def sum_of(one: Usage, other: Usage) -> Usage:
    """Add two usages bucket by bucket."""
    numbers: dict[str, int] = {
        name: getattr(one, name) + getattr(other, name) for name in Usage.__struct_fields__ if name != "units"
    }
    return msgspec.structs.replace(one, **numbers)


class PrefixCache:
    """The prefixes that calls have asked to keep: written the first time, read from then on.

    Only calls that ask for it (`cache_control`, `prompt_cache_key`) are touched, so that all other answers
    depend on nothing but the seed and the request.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, None] = OrderedDict()

    def applied(self, conversation: Conversation, usage: Usage) -> Usage:
        """Move what is cached from `input` to the cache's buckets."""
        if conversation.cache_key is None:
            return usage
        explicit = conversation.cache_tokens > 0
        tokens = conversation.cache_tokens
        key = conversation.cache_key
        if not explicit:
            before = msgspec.structs.replace(conversation, turns=conversation.turns[:-1])
            tokens = count_input(before) // 128 * 128
            key += msgspec.json.encode(before.turns).decode()
        tokens = min(tokens, usage.input)
        if tokens < CACHE_TOKENS_MIN:
            return usage
        if self._seen(f"{conversation.model} {key}"):
            return msgspec.structs.replace(usage, input=usage.input - tokens, cache_read=tokens)
        if not explicit:
            return usage
        return msgspec.structs.replace(usage, input=usage.input - tokens, cache_write=tokens)

    def _seen(self, key: str) -> bool:
        digest = blake2b(key.encode(), digest_size=16).digest()
        seen = digest in self._kept
        self._kept[digest] = None
        self._kept.move_to_end(digest)
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return seen
