"""`headgate up` with toy workers and no database, as a process of its own that tests can kill.

Started as `python -m tests.flow.toy_supervisor DIR`; prints the banner, then serves until a signal.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import get_args

from headgate.core.faults import Fault
from headgate.processes.child import ChildRules
from headgate.processes.spec import Prepared, Role, UpOptions
from headgate.processes.supervisor import Supervisor

TOY_COMMANDS = {role: (sys.executable, "-m", "tests.flow.toy_workers", role) for role in get_args(Role)}
TOY_RULES = ChildRules(hung_after_s=2.0, backoff_s=0.05, backoff_s_max=0.2)


@asynccontextmanager
async def no_database(options: UpOptions) -> AsyncGenerator[str]:
    yield f"postgresql://toy/{options.port}"


async def mint_a_key(options: UpOptions, database_url: str) -> Prepared:
    assert database_url == f"postgresql://toy/{options.port}"
    return Prepared(minted_admin_key="hg_toy_0123456789abcdef")


def main() -> int:
    options = UpOptions(data_dir=sys.argv[1], port=0, workers=2, drain_s=5.0)
    supervisor = Supervisor(
        options,
        mint_a_key,
        open_database=no_database,
        commands=TOY_COMMANDS,
        rules=TOY_RULES,
        say=lambda text: print(text, flush=True),
    )
    try:
        return asyncio.run(supervisor.run())
    except Fault as fault:
        print(fault.message, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
