"""A gateway process whose server is uvicorn's: what `HEADGATE_SERVER=uvicorn` brings.

Apart, so that the others don't load uvicorn. Read next: `gateway`, docs/design/003.
"""

import sys
from functools import partial

from headgate.http1.server import UvicornServer
from headgate.main.gateway import gateway
from headgate.processes.worker import work

if __name__ == "__main__":
    sys.exit(work(partial(gateway, server=UvicornServer)))
