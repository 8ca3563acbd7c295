"""A stand-in behind a real HTTP port: the upstream of tests, of the demo, and of trying things out.

    python -m headgate.standins.served --port 8001 --kind mock --tokens-per-second 200

    async with serve_standin(MockTransport(MockSettings())) as server:
        ...  # server.url, server.base_url("openai"), server.requests, server.bill

Prints one line of JSON with its address once it listens. It listens on the loopback only, and knows no TLS.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import msgspec

from headgate.catalog.model import MockSettings
from headgate.standins.exchanges import FIXTURES, load_exchanges
from headgate.standins.mock import MockTransport
from headgate.standins.replay import ReplayTransport
from headgate.standins.standin_server import Standin, StandinServer


@contextlib.asynccontextmanager
async def serve_standin(
    transport: Standin, port: int = 0, *, key: str | None = None
) -> AsyncGenerator[StandinServer]:
    """Serve a stand-in on the loopback until the block ends; port 0 takes a free one.

    With a `key`, requests that don't present it are answered 401.
    """
    server = StandinServer(transport, port, key=key)
    await server.up()
    try:
        yield server
    finally:
        await server.down()


def transport_from(arguments: argparse.Namespace) -> Standin:
    """Make the stand-in that the command line asks for. Raises Misconfigured for a file that is none."""
    if arguments.kind == "replay":
        return ReplayTransport(load_exchanges(arguments.file), seed=arguments.seed)
    settings = MockSettings(
        latency_s=arguments.latency,
        first_token_s=arguments.first_token,
        tokens_per_second=arguments.tokens_per_second,
        output_tokens=arguments.output_tokens,
        error_rate=arguments.error_rate,
        error_status=arguments.error_status,
        broken_stream_rate=arguments.broken_stream_rate,
        stalled_stream_rate=arguments.stalled_stream_rate,
        seed=arguments.seed,
    )
    return MockTransport(settings)


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser; times in seconds, rates between 0 and 1."""
    made = argparse.ArgumentParser(prog="headgate.standins.served", description="Serve a stand-in provider.")
    made.add_argument("--port", type=int, default=0, help="0 takes a free port")
    made.add_argument("--kind", choices=("mock", "replay"), default="mock")
    made.add_argument("--file", type=Path, default=FIXTURES, help="recorded exchanges, a file or a folder")
    made.add_argument("--key", default=None, help="the key that clients have to present")
    for name in ("latency", "first-token", "tokens-per-second"):
        made.add_argument(f"--{name}", type=float, default=0.0)
    for name in ("error-rate", "broken-stream-rate", "stalled-stream-rate"):
        made.add_argument(f"--{name}", type=float, default=0.0)
    made.add_argument("--error-status", type=int, default=500)
    made.add_argument("--output-tokens", type=int, default=None)
    made.add_argument("--seed", type=int, default=1)
    return made


async def run(arguments: argparse.Namespace) -> None:
    """Serve until the process is told to end."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serve_standin(transport_from(arguments), arguments.port, key=arguments.key) as server:
        sys.stdout.write(msgspec.json.encode({"url": server.url}).decode() + "\n")
        sys.stdout.flush()
        await stopped.wait()


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line and serve."""
    asyncio.run(run(parser().parse_args(argv)))


if __name__ == "__main__":
    main()
