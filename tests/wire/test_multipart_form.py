import mmap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.faults import InvalidRequest
from headgate.wire.multipart_form import read_form, with_model
from headgate.wire.reading import read_call, rewrite
from headgate.wire.routes import match

TYPE = b"multipart/form-data; boundary=XyZ"


def form(*parts: tuple[str, bytes], end: bytes = b"--XyZ--\r\n") -> bytes:
    pieces = [b"--XyZ\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + value + b"\r\n"
              for head, value in parts]  # fmt: skip
    return b"".join(pieces) + end


SOUND = ('name="file"; filename="a.mp3"', b"\x00\xff\r\n\r\n--Xy\r\nmodel")


@given(st.binary(max_size=200), st.booleans())
def test_the_model_is_found_and_replaced_beside_any_file(content: bytes, after: bool):
    if b"--XyZ" in content:
        return
    sound = ('name="file"; filename="a.mp3"', content)
    model = ('name="model"', b"whisper-1")
    body = form(*((sound, model) if after else (model, sound)), ('name="response_format"', b"json"))
    found = read_form(TYPE, body)
    assert (found.model, found.response_format, found.media.audio) == ("whisper-1", "json", 1)
    assert body[found.model_start : found.model_end] == b"whisper-1"
    assert read_form(TYPE, with_model(found, body, "longer-model")).model == "longer-model"
    assert with_model(found, body, "whisper-1") == body


def test_a_spooled_body_is_read_where_it_lies(tmp_path: Path):
    file = tmp_path / "body"
    file.write_bytes(form(('name="model"', b"m"), ('name="image"; filename="a"', b"x" * 3_000_000)))
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        found = read_form(TYPE, mapped)
        assert mapped[found.model_start : found.model_end] == b"m"


def test_a_transcription_is_a_call_like_any_other():
    route = match("POST", "/v1/audio/transcriptions")
    assert route is not None
    body = form(SOUND, ('name="model"', b"alias"), ('name="stream"', b"true"))
    facts = read_call(route, [(b"content-type", b'multipart/form-data; boundary="XyZ"')], body)
    assert (facts.model, facts.stream, facts.media.audio) == ("alias", True, 1)
    assert rewrite(facts, model="whisper-1") == body.replace(b"alias", b"whisper-1")


@pytest.mark.parametrize(
    "body",
    [
        form(SOUND),
        form(('name="model"', b"a"), ('name="model"', b"b")),
        form(('name="model"', b"a"), ('name="Model"', b"b")),
        form(('name="model"; filename="x"', b"a")),
        form(('name="model"', b"a\nb")),
        form(('name="model"', b"\xff")),
        form(('name="model"', b"a"), ('name="n"', b"0")),
        form(('name="model"', b"a"), ('name="stream"', b"maybe")),
        form(('name="model"', b"a"), end=b""),
        b"preamble\r\n" + form(('name="model"', b"a")),
        form(*[('name="model"', b"a")] * 200),
        b"",
    ],
)
def test_forms_that_could_be_read_two_ways_are_refused(body: bytes):
    with pytest.raises(InvalidRequest):
        read_form(TYPE, body)


@pytest.mark.parametrize(
    "kind", [b"multipart/form-data", b"application/json", b"multipart/mixed; boundary=a"]
)
def test_a_content_type_without_a_boundary_is_refused(kind: bytes):
    with pytest.raises(InvalidRequest):
        read_form(kind, form(('name="model"', b"a")))


def test_a_boundary_that_no_parser_takes_is_refused() -> None:
    body = b"--b\nx\r\n"
    with pytest.raises(InvalidRequest, match="malformed"):
        read_form(b'multipart/form-data; boundary="b\nx"', body)
