"""How far texts are from texts of before, by the short pieces that they are made of. Pure.

A text becomes the distribution of its grams (pieces of four bytes), hashed into a fixed number of places, by
square roots: the product of two texts is then a kernel from 0 to 1. Of texts of before the mean is kept, and
nothing of any of them: what is left out of a text's product with it is that text's distance, whose mean two
sources of texts share unless one of them changed. Never says what a text means. Read next:
`statistics.detectors`, which watches such distances however often it is looked at.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from headgate.core.faults import InvalidRequest

PLACES: Final = 256
GRAM: Final = 4
BYTES_MAX: Final = 16_384
"""Of a text; what comes after says no more of its kind."""
DIGITS: Final = 5
HALF_LEAST: Final = 0.01
"""Where all texts of before are alike, hardly any distance is usual."""

_FACTORS: Final = (1, 0x01000193, 0x85EBCA6B, 0xC2B2AE35)
_MIX: Final = np.uint32(0x9E3779B1)
_SHIFT: Final = np.uint32(32 - int(math.log2(PLACES)))

Wording = tuple[float, ...]
"""A text as a vector of length 1, or a mean or sum of several; of as many places each."""


def wording_of(text: str) -> Wording:
    """Return a text as the square roots of its grams' shares, by hashed places.

    Sources: feature hashing, Weinberger et al., ICML 2009; the kernel, Jebara, Kondor, Howard, "Probability
    product kernels", JMLR 5, 2004 (rho = 1/2: one less the squared Hellinger distance).
    """
    data = b"\x02" * (GRAM - 1) + text.encode("utf-8", "replace")[:BYTES_MAX] + b"\x03"
    letters = np.frombuffer(data, dtype=np.uint8).astype(np.uint32)
    grams = len(letters) - GRAM + 1
    hashed = np.zeros(grams, dtype=np.uint32)
    for place, factor in enumerate(_FACTORS):
        hashed += letters[place : place + grams] * np.uint32(factor)
    counts = np.bincount((hashed * _MIX) >> _SHIFT, minlength=PLACES)
    return _rounded(np.sqrt(counts / grams))


def summed(one: Wording, other: Wording) -> Wording:
    """Return the sum of two; an empty one is nothing."""
    if not one or not other:
        return one or other
    _check(one, other)
    return _rounded(np.asarray(one) + np.asarray(other))


def mean_wording(wordings: Sequence[Wording]) -> Wording:
    """Return the mean of several: their kernel mean embedding. Raises InvalidRequest for none.

    Source: as `distance`.
    """
    if not wordings:
        raise InvalidRequest("there is no text; a mean is of one or more")
    return _rounded(np.mean(np.asarray(wordings), axis=0))


def distance(text: Wording, usual: Wording, texts: int = 1) -> float:
    """Return how far a text (or the mean of some) is from the mean of `texts` whose sum is `usual`: 0 to 1.

    It is one less the mean of the kernel over those: the part of the squared maximum mean discrepancy that
    holds both sides. Source: Gretton et al., "A kernel two-sample test", JMLR 13, 2012, Lemma 6.
    """
    _check(text, usual)
    return min(1.0, max(0.0, 1 - float(np.dot(text, usual)) / texts))


def unusual(apart: float, half: float) -> float:
    """Return a distance on a scale from 0 to 1 that is a half at `half`, such as the reference's median.

    Steep around its middle, as distances hardly vary: twice the usual one is 0.94. Fixed before what is
    looked at, so that its mean can be bounded whatever the distribution.
    """
    return 1 - 2 ** -((apart / max(half, HALF_LEAST)) ** 2)


def _rounded(values: np.ndarray) -> Wording:
    return tuple(values.round(DIGITS).tolist())


def _check(one: Wording, other: Wording) -> None:
    if len(one) != len(other):
        raise InvalidRequest(
            f"wordings have {len(one)} and {len(other)} places; take those of one version of Headgate"
        )
