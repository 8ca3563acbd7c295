"""Every case of the corpus, cut at every byte, without sockets: our own server reads the same requests.

Each case comes twice: on a new connection, and on one where heads like its own have come before and are
recognised instead of parsed.
"""

import asyncio

import pytest
from tests.attack.corpus_cases import Case, Wait, load, pieces
from tests.attack.memory_line import Heard, hear

SPLIT_BYTES_MAX = 400
WARM = b"PUT /warm HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nwarm"
CUTS_MIN = 55_000


def small(case: Case) -> bytes | None:
    sent = b"".join(piece for piece in pieces(case) if not isinstance(piece, Wait))
    return sent if 1 < len(sent) <= SPLIT_BYTES_MAX else None


@pytest.mark.timeout(300)
def test_no_cut_at_any_byte_changes_what_is_read() -> None:
    async def run() -> int:
        cuts = 0
        for case in load():
            data = small(case)
            if data is None:
                continue
            whole = await hear([data])
            for at in range(1, len(data)):
                cut = await hear([data[:at], data[at:]])
                assert cut.served == whole.served, f"{case.name}, cut at {at}"
                cuts += 1
            assert not any(request.path.startswith("/smuggled") for request in whole.served), case.name
        return cuts

    assert asyncio.run(run()) >= CUTS_MIN


@pytest.mark.timeout(300)
def test_a_head_that_has_come_before_means_what_it_would_have_meant_first() -> None:
    async def run() -> None:
        for case in load():
            data = small(case)
            if data is None:
                continue
            first = await hear([data])
            after = await hear([WARM, WARM, WARM, data])
            assert without_warm(after) == first.served, case.name
            # The same head again and again: each time the same.
            if len(first.served) == 1 and not first.closed:
                again = await hear([data] * 4)
                assert again.served == first.served * 4, case.name

    asyncio.run(run())


def without_warm(heard: Heard) -> object:
    assert [request.path for request in heard.served[:3]] == ["/warm"] * 3
    return heard.served[3:]
