"""What stands in for the process that prepares a start; started as `python -m tests.flow.toy_preparing WORD`.

With the word `alone` it is a supervisor instead, which waits for one that never ends.
"""

import asyncio
import os
import sys
from pathlib import Path

from headgate.core.faults import Conflict, InvalidRequest, Misconfigured, Unavailable
from headgate.processes.preparing import prepare_once, prepared_by
from headgate.processes.spec import Prepared, UpOptions

FAULTS = {each.__name__: each for each in (Conflict, InvalidRequest, Misconfigured, Unavailable)}
TOY = (sys.executable, "-m", "tests.flow.toy_preparing")


async def prepare(options: UpOptions, database_url: str) -> Prepared:
    word = sys.argv[1]
    if word in FAULTS:
        raise FAULTS[word](f"{word}, said by the process that prepares")
    if word == "crash":
        raise RuntimeError("a mistake of ours")
    if word == "forever":
        await asyncio.to_thread(Path(options.data_dir, "pid").write_text, str(os.getpid()))
        await asyncio.sleep(3600)
    return Prepared(minted_admin_key=f"key of {options.data_dir}", example_model=database_url)


if __name__ == "__main__":
    if sys.argv[1] == "alone":
        asyncio.run(prepared_by((*TOY, "forever"), UpOptions(data_dir=sys.argv[2]), "postgresql://toy"))
    sys.exit(prepare_once(prepare))
