"""Where an answer's text has something from, as Google says it: in bytes of UTF-8, beside the text (trap 46).

Read into citations with characters, and written from them. What Google says stays whole beside the candidate,
so that nothing is lost in its own dialect. Pure; raises nothing. Source: Gemini API reference,
`GroundingMetadata`, `CitationMetadata`. Read next: `answers`, `streams_in`.
"""

from collections.abc import Iterable, Sequence
from typing import Final, cast

import msgspec

from headgate.core.chat import Citation, Fields, Part, Text
from headgate.wire.dialects.fields import objects_in

SUPPORTS_MAX: Final = 2_000
"""Of one candidate; what is beyond has no citation."""

SEARCHES_MAX: Final = 200
"""How many quotes are looked for in the text, where their offsets are wrong."""


class Support(msgspec.Struct, frozen=True):
    """One claim: a span of bytes, the words that it spans, and what supports it."""

    start: int
    end: int | None
    words: str | None
    part: int | None
    sources: tuple[Citation, ...]


def supports_of(candidate: Fields) -> list[Support]:
    """What a candidate says of its sources."""
    found: list[Support] = []
    grounding = candidate.get("groundingMetadata")
    if isinstance(grounding, dict):
        found.extend(_grounded(cast("Fields", grounding)))
    cited = candidate.get("citationMetadata")
    if isinstance(cited, dict):
        found.extend(_cited(cast("Fields", cited)))
    return found[:SUPPORTS_MAX]


def _grounded(fields: Fields) -> Iterable[Support]:
    chunks = objects_in(fields.get("groundingChunks")) or []
    sources = [_source(chunk) for chunk in chunks]
    for support in objects_in(fields.get("groundingSupports")) or []:
        segment = support.get("segment")
        indices = support.get("groundingChunkIndices")
        if not isinstance(segment, dict) or not isinstance(indices, list):
            continue
        known = [
            sources[index]
            for index in cast("list[object]", indices)
            if type(index) is int and 0 <= index < len(sources)
        ]
        if known:
            yield _support(cast("Fields", segment), tuple(known))


def _support(segment: Fields, sources: tuple[Citation, ...]) -> Support:
    start, end, part = segment.get("startIndex"), segment.get("endIndex"), segment.get("partIndex")
    words = segment.get("text")
    return Support(
        start=start if type(start) is int and start >= 0 else 0,
        end=end if type(end) is int and end >= 0 else None,
        words=words if isinstance(words, str) and words else None,
        part=part if type(part) is int and part >= 0 else None,
        sources=sources,
    )


def _source(chunk: Fields) -> Citation:
    for name in ("web", "retrievedContext", "maps", "image"):
        inner = chunk.get(name)
        if isinstance(inner, dict):
            fields = cast("Fields", inner)
            address = fields.get("uri") or fields.get("sourceUri")
            title, quote = fields.get("title"), fields.get("text")
            return Citation(
                url=address if isinstance(address, str) else None,
                title=title if isinstance(title, str) else None,
                quote=quote if isinstance(quote, str) else None,
            )
    return Citation()


def _cited(fields: Fields) -> Iterable[Support]:
    for name in ("citations", "citationSources"):
        for source in objects_in(fields.get(name)) or []:
            address, title = source.get("uri"), source.get("title")
            known = Citation(
                url=address if isinstance(address, str) else None,
                title=title if isinstance(title, str) else None,
            )
            yield _support({**source, "text": None, "partIndex": None}, (known,))


class Located(msgspec.Struct, frozen=True):
    """A citation and the text that it is of, by its place among the texts."""

    place: int
    citation: Citation


def located(supports: Sequence[Support], texts: Sequence[str], places: Sequence[int]) -> list[Located]:
    """Each source with the characters that it supports; whole texts where the span can't be found.

    `texts` are those that the candidate shows, `places` their numbers among all its parts.
    """
    if not texts:
        return []
    encoded = [text.encode("utf-8", "replace") for text in texts]
    found: list[Located] = []
    searches = 0
    for support in supports:
        span = _span(support, texts, encoded, places)
        if span is None and support.words is not None and searches < SEARCHES_MAX:
            searches += 1
            span = _search(support.words, texts)
        place, start, end = span if span is not None else (len(texts) - 1, None, None)
        for source in support.sources:
            found.append(Located(place, msgspec.structs.replace(source, start=start, end=end)))
    return found


_Span = tuple[int, int, int]


def _span(
    support: Support, texts: Sequence[str], encoded: Sequence[bytes], places: Sequence[int]
) -> _Span | None:
    """The characters of the bytes that a support names: of its own part, or of all texts in a row."""
    if support.end is None:
        return None
    named = support.part if support.part is not None else places[0]
    if named in places:
        place = places.index(named)
        span = _characters(support, texts[place], encoded[place], 0)
        if span is not None:
            return place, *span
    before = 0
    for place, data in enumerate(encoded):
        if before <= support.start < before + len(data):
            span = _characters(support, texts[place], data, before)
            return None if span is None else (place, *span)
        before += len(data)
    return None


def _characters(support: Support, text: str, data: bytes, before: int) -> tuple[int, int] | None:
    start, end = support.start - before, cast("int", support.end) - before
    if not 0 <= start < end <= len(data):
        return None
    if len(text) != len(data):
        try:
            words = data[start:end].decode()
            start = len(data[:start].decode())
        except UnicodeDecodeError:
            return None
        end = start + len(words)
    if support.words is not None and text[start:end] != support.words:
        return None
    return start, end


def _search(words: str, texts: Sequence[str]) -> _Span | None:
    for place, text in enumerate(texts):
        start = text.find(words)
        if start >= 0:
            return place, start, start + len(words)
    return None


def cited_parts(parts: tuple[Part, ...], candidate: Fields) -> tuple[Part, ...]:
    """The parts of a candidate, its texts with what the candidate says of their sources."""
    supports = supports_of(candidate)
    if not supports:
        return parts
    places = [place for place, part in enumerate(parts) if isinstance(part, Text)]
    texts = [part.text for part in parts if isinstance(part, Text)]
    found: dict[int, list[Citation]] = {}
    for one in located(supports, texts, places):
        found.setdefault(places[one.place], []).append(one.citation)
    return tuple(
        msgspec.structs.replace(part, citations=(*part.citations, *found[place]))
        if place in found and isinstance(part, Text)
        else part
        for place, part in enumerate(parts)
    )


class Grounding:
    """Collects the citations of one candidate's texts, and writes them as Google does."""

    def __init__(self) -> None:
        self._chunks: dict[tuple[str | None, str | None, str | None], int] = {}
        self._supports: list[Fields] = []

    def add(self, citation: Citation, text: str, *, before: int = 0, part: int | None = None) -> None:
        """One citation of a text, `before` bytes of which the client has seen as other texts."""
        source = (citation.url, citation.title, None if citation.url else citation.quote)
        index = self._chunks.setdefault(source, len(self._chunks))
        start = citation.start if citation.start is not None else 0
        end = citation.end if citation.end is not None else len(text)
        words = text[start:end]
        opening = before + _length(text[:start])
        segment: Fields = {"startIndex": opening, "endIndex": opening + _length(words), "text": words}
        if part is not None:
            segment["partIndex"] = part
        self._supports.append({"segment": segment, "groundingChunkIndices": [index]})

    def fields(self) -> Fields | None:
        """The `groundingMetadata`; None where nothing is cited."""
        if not self._supports:
            return None
        return {
            "groundingChunks": [_chunk(*source) for source in self._chunks],
            "groundingSupports": self._supports,
        }


def _chunk(address: str | None, title: str | None, quote: str | None) -> Fields:
    inner: Fields = {}
    if address is not None:
        inner["uri"] = address
    if title is not None:
        inner["title"] = title
    if quote is not None:
        inner["text"] = quote
    return {"web" if address is not None else "retrievedContext": inner}


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
