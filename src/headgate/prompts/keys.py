"""Keys of providers that were left in a text, shown masked.

Pure; a key is found by its well-known beginning and by how random the rest is, and is never kept. Read next:
`scanning`.
"""

import math
import re
from collections import Counter

from headgate.prompts.model import KeyLeft

ENTROPY_MIN = 3.0
"""Bits a character; words and `xxxx` lie below, random letters and digits above."""

KINDS = (
    ("Anthropic", "sk-ant-", r"sk-ant-[A-Za-z0-9_-]{24,}"),
    ("OpenRouter", "sk-or-", r"sk-or-(?:v1-)?[A-Za-z0-9]{32,}"),
    ("OpenAI", "sk-proj-", r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{24,}"),
    ("OpenAI", "sk-", r"sk-[A-Za-z0-9]{32,}"),
    ("Google", "AIza", r"AIza[A-Za-z0-9_-]{35}"),
    ("Groq", "gsk_", r"gsk_[A-Za-z0-9]{32,}"),
    ("Hugging Face", "hf_", r"hf_[A-Za-z0-9]{30,}"),
    ("xAI", "xai-", r"xai-[A-Za-z0-9]{40,}"),
    ("Perplexity", "pplx-", r"pplx-[A-Za-z0-9]{32,}"),
    ("Replicate", "r8_", r"r8_[A-Za-z0-9]{32,}"),
    ("NVIDIA", "nvapi-", r"nvapi-[A-Za-z0-9_-]{40,}"),
    ("Fireworks", "fw_", r"fw_[A-Za-z0-9]{20,}"),
    ("Tavily", "tvly-", r"tvly-[A-Za-z0-9-]{24,}"),
    ("LangSmith", "lsv2_", r"lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{8,}"),
    ("AWS", "AKIA", r"(?:AKIA|ASIA)[A-Z0-9]{16}"),
)
"""Provider, beginning, and the whole."""

_ANY = re.compile("|".join(re.escape(beginning) for _, beginning, _ in KINDS) + "|ASIA")
_WHOLE = tuple(
    (kind, beginning, re.compile(rf"(?<![A-Za-z0-9_/+-]){whole}(?![A-Za-z0-9])"))
    for kind, beginning, whole in KINDS
)
_NO_KEY = re.compile(
    r"your|example|xxx|placeholder|dummy|fake|test|sample|1234567|abcdef|change|insert|0000|secret|api-?key",
    re.IGNORECASE,
)


def keys_in(text: str, path: str) -> list[KeyLeft]:
    """Return the keys in a text, each place once, in order."""
    if _ANY.search(text) is None:
        return []
    found: dict[int, KeyLeft] = {}
    for kind, beginning, pattern in _WHOLE:
        for match in pattern.finditer(text):
            key = match.group()
            if match.start() in found or _NO_KEY.search(key) or _entropy(key[len(beginning) :]) < ENTROPY_MIN:
                continue
            found[match.start()] = KeyLeft(
                path=path,
                line=text.count("\n", 0, match.start()) + 1,
                kind=kind,
                masked=f"{beginning}… ({len(key)} characters)",
            )
    return [found[start] for start in sorted(found)]


def _entropy(text: str) -> float:
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
