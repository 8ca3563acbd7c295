"""The listing of a journal's segments, while others mark them as shipped and delete them."""

import threading
from pathlib import Path

from headgate.journal.folder import mark_shipped, segment_path, segments

LISTINGS = 4_000


def test_a_listing_names_what_stays_while_another_stream_is_shipped_and_swept(tmp_path: Path) -> None:
    stays = segment_path(tmp_path, "acct", 1)
    stays.write_bytes(b"unread")
    is_over = threading.Event()

    def ship_and_sweep() -> None:
        while not is_over.is_set():
            for number in range(1, 30):
                segment_path(tmp_path, "body", number).write_bytes(b"read")
            for number in range(1, 30):
                mark_shipped(tmp_path, "body", number)
                segment_path(tmp_path, "body", number, shipped=True).unlink()

    other = threading.Thread(target=ship_and_sweep)
    other.start()
    try:
        for _ in range(LISTINGS):
            assert [file.path for file in segments(tmp_path) if file.stream == "acct"] == [stays]
    finally:
        is_over.set()
        other.join()


def test_a_folder_that_is_gone_has_no_segments(tmp_path: Path) -> None:
    assert segments(tmp_path / "gone") == []
