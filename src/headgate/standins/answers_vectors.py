"""Vectors that a stand-in answers with: of length one, and near to each other where texts share words.

Pure and deterministic.
"""

import base64
import math
import struct

from headgate.standins.answers_text import generator, words_of

WORDS_MAX = 16


def vector(seed: int, text: str, length: int) -> list[float]:
    """Return the vector of a text: the sum of its words' vectors, scaled to length one, single precision."""
    total = [0.0] * length
    for word in [*words_of(text)[:WORDS_MAX], text[:256]]:
        random = generator(seed, "vector", word)
        parts = struct.unpack(f"<{length}h", random.randbytes(2 * length))
        total = [so_far + part for so_far, part in zip(total, parts, strict=True)]
    norm = math.sqrt(sum(value * value for value in total)) or 1.0
    packed = struct.pack(f"<{length}f", *[value / norm for value in total])
    return list(struct.unpack(f"<{length}f", packed))


def packed(values: list[float]) -> str:
    """Write a vector as OpenAI does it with `encoding_format = "base64"`: little-endian floats."""
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
