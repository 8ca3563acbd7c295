"""Vectors that a stand-in answers with: of length one, and near to each other where texts share words.

Pure and deterministic.
"""

import base64
import math
import struct

from headgate.standins.answers_text import generator, words_of

WORDS_MAX = 16
LENGTH_DRAWN = 64
"""What is drawn at random; a longer vector repeats it, which leaves the angles as they are."""


def vector(seed: int, text: str, length: int) -> list[float]:
    """Return the vector of a text: the sum of its words' vectors, scaled to length one, single precision."""
    drawn = min(length, LENGTH_DRAWN)
    total = [0] * drawn
    for word in [*words_of(text)[:WORDS_MAX], text[:256]]:
        random = generator(seed, "vector", word)
        parts = struct.unpack(f"<{drawn}h", random.randbytes(2 * drawn))
        total = [so_far + part for so_far, part in zip(total, parts, strict=True)]
    repeated = (total * (length // drawn + 1))[:length]
    norm = math.sqrt(sum(value * value for value in repeated)) or 1.0
    packed = struct.pack(f"<{length}f", *[value / norm for value in repeated])
    return list(struct.unpack(f"<{length}f", packed))


def packed(values: list[float]) -> str:
    """Write a vector as OpenAI does it with `encoding_format = "base64"`: little-endian floats."""
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
