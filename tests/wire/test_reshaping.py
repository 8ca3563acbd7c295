"""Bodies with other members than their dialect says: one out, some in, the rest byte for byte."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.faults import InvalidRequest
from headgate.wire.reshaping import reshaped

ADDED = {"anthropic_version": "vertex-2023-10-16"}
TEXT = st.text('ab"\\\n\u00e9\u2028\U0001f30a', max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.dictionaries(TEXT, JSON, max_size=4), st.booleans())
def test_one_goes_out_and_one_comes_in(fields: dict[str, object], is_spaced: bool) -> None:
    body = json.dumps({**fields, "model": "m"}, indent=1 if is_spaced else None).encode()
    made = json.loads(reshaped(body, without="model", added=ADDED))
    kept = {name: value for name, value in fields.items() if name != "model"}
    assert made == {**ADDED, **kept}


def test_what_the_caller_says_stays_as_it_was_written() -> None:
    body = b'{ "anthropic_version": "other", "n": 1.50, "model": "m"}'
    assert reshaped(body, without="model", added=ADDED) == b'{"anthropic_version":"other","n":1.50}'
    assert reshaped(body, without=None, added={}) == b'{"anthropic_version":"other","n":1.50,"model":"m"}'
    assert reshaped(b"{}", without="model", added=ADDED) == b'{"anthropic_version":"vertex-2023-10-16"}'


@pytest.mark.parametrize("body", [b"[]", b"", b'{"a":1,"a":2}', b"{"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        reshaped(body, without="model", added=ADDED)
