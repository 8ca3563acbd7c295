"""A process that writes a journal, and says on stdout what it has appended, until it is killed."""

import os
import sys
import uuid
from pathlib import Path

import msgspec
from tests.contract.made_entries import make_begin, make_body, make_end, new_call

from headgate.core.entries import BEGIN, BODY, END
from headgate.journal.writer import JournalWriter


def main(folder: str, boot: str, calls: int) -> None:
    journal = JournalWriter(Path(folder), uuid.UUID(boot), segment_bytes_max=20_000)
    for _ in range(calls):
        call = new_call()
        journal.append(BEGIN, msgspec.msgpack.encode(make_begin(call)))
        journal.append_body(BODY, msgspec.msgpack.encode(make_body(call, b'{"messages": []}')))
        journal.append(END, msgspec.msgpack.encode(make_end(call)))
        os.write(1, call.hex().encode() + b"\n")
    os.write(1, b"done\n")
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
