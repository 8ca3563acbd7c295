"""Real conversations that have nothing to do with a catalogue match none of it."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from tests.synthetic_prompts import synthetic_catalogue

from headgate.prompts.matching.index import Matcher

FALSE_MAX = 0.001


def texts_in(value: object) -> Iterator[str]:
    """Every text in a request, wherever it stands."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in cast("dict[str, Any]", value).values():
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from texts_in(inner)


def test_recorded_traffic_matches_nothing(recorded_path: Path) -> None:
    with gzip.open(recorded_path) as lines:
        requests = [json.loads(line)["request"] for line in lines]
    texts = {text for request in requests for text in texts_in(request) if len(text) >= 12}
    matcher = Matcher(synthetic_catalogue(symbols=600, versions=5, seed=23))
    matched = [text for text in texts if matcher.match(text).pieces]
    assert len(texts) > 2_000
    assert len(matched) < FALSE_MAX * len(texts), matched
