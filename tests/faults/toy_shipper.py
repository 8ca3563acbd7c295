"""A process that ships a folder's journals, until it is killed."""

import asyncio
import sys
from pathlib import Path

from headgate.journal.shipper import Shipper
from headgate.records.bodies import BodySink
from headgate.records.sink import RecordSink
from headgate.store.database import Database


async def main(folder: str, url: str) -> None:
    async with Database(url, name="toy-shipper") as database:
        await Shipper(Path(folder), database, [RecordSink(), BodySink()], host="toy").run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
