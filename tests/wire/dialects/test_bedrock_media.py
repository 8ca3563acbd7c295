"""Images, documents, films and sounds of other dialects, as Bedrock takes them: bytes only."""

from typing import Any

import pytest
from tests.wire.dialects.bedrock_writing import call_of, told, user, write

from headgate.core.chat import (
    Media,
    Text,
)
from headgate.core.quirks import Quirks


def test_trap_45_bytes_only():
    for media, why in (
        (Media(kind="image", url="https://example.com/a.png"), "URL"),
        (Media(kind="image", media_type="image/png", url="https://example.com/a.png"), "URL"),
        (Media(kind="file", media_type="application/pdf", file_id="file-1"), "file id"),
        (Media(kind="image", media_type="image/tiff", data="AAAA"), "image/tiff"),
        (Media(kind="audio", media_type="audio/wav", data="AAAA"), "audio"),
    ):
        body, changes = write(call_of((user(Text(text="see"), media),)), Quirks(takes_audio=False))
        assert body["messages"] == [{"role": "user", "content": [{"text": "see"}]}]
        [change] = list(changes)
        assert change.weight == "meaning"
        assert why in change.why, why


@pytest.mark.parametrize(
    ("media", "block"),
    [
        (Media(kind="image", media_type="image/jpg", data="/9j/"), {"image": {"format": "jpeg"}}),
        (Media(kind="image", media_type="IMAGE/PNG; q=1", data="iVBO"), {"image": {"format": "png"}}),
        (Media(kind="image", data="iVBORw0K"), {"image": {"format": "png"}}),
        (Media(kind="video", media_type="video/mp4", data="AAAA"), {"video": {"format": "mp4"}}),
        (Media(kind="audio", media_type="audio/mp3", data="AAAA"), {"audio": {"format": "mp3"}}),
    ],
)
def test_trap_45_media_as_bytes(media: Media, block: Any):
    body, changes = write(call_of((user(Text(text="see"), media),)))
    [(kind, value)] = block.items()
    assert body["messages"][0]["content"][1] == {kind: {**value, "source": {"bytes": media.data}}}
    assert not list(changes)


def test_trap_45_what_lies_in_amazons_own_store_is_named_there():
    media = Media(kind="image", media_type="image/png", url="s3://bucket/a.png")
    body, changes = write(call_of((user(Text(text="see"), media),)))
    source = body["messages"][0]["content"][1]["image"]["source"]
    assert source == {"s3Location": {"uri": "s3://bucket/a.png"}}
    assert not list(changes)


def test_trap_45_a_document_has_a_text_beside_it_and_a_name_that_is_taken():
    papers = [
        Media(kind="file", media_type=kind, data="AAAA", name=name)
        for kind, name in (
            ("application/pdf", "report.2026_v1.pdf"), ("application/pdf", "report.2026_v1.pdf"),
            (None, "notes.md"), ("text/x-python", None), ("application/pdf", "\u65e5\u672c.pdf"),
            ("application/pdf", "d" * 300),
        )
    ]  # fmt: skip
    body, changes = write(call_of((user(*papers),)))
    content = body["messages"][0]["content"]
    assert content[-1] == {"text": "The document is attached."}
    found = [(one["document"]["name"], one["document"]["format"]) for one in content[:-1]]
    assert [name for name, _ in found[:5]] == [
        "report-2026-v1-pdf", "report-2026-v1-pdf (2)", "notes-md", "document", "pdf"
    ]  # fmt: skip
    assert len(found[5][0]) <= 200
    assert [kind for _, kind in found] == ["pdf", "pdf", "md", "txt", "pdf", "pdf"]
    assert not told(changes)
    body, _ = write(call_of((user(papers[0], Text(text="read it")),)))
    assert [next(iter(one)) for one in body["messages"][0]["content"]] == ["document", "text"]
