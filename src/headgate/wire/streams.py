"""Answers in pieces: relayed as the bytes they are, while usage, commit, end and errors are seen in passing.

Never re-encodes an event. With `strip_usage` it takes out exactly what asking for usage had added. Holds back
nothing but an unfinished event, so that what breaks off in the middle of one never reaches a client.
Read next: `wire.openai_stream`, `wire.anthropic_stream`, `wire.google_stream`.
"""

from headgate.core.call import Dialect, Operation
from headgate.wire.anthropic_stream import AnthropicReader
from headgate.wire.google_stream import GoogleReader
from headgate.wire.model import StreamReader
from headgate.wire.openai_stream import ChatReader, PlainReader, ResponsesReader


def reader(dialect: Dialect, operation: Operation, *, strip_usage: bool) -> StreamReader:
    """Return a reader for one stream of that dialect.

    `strip_usage` where Headgate asked for usage and the client did not. Readers are for event streams, and
    for Google's arrays; streams of plain bytes, such as spoken audio, are relayed without one.
    """
    match dialect:
        case "openai-chat":
            return ChatReader(strip_usage=strip_usage)
        case "openai-responses":
            return ResponsesReader()
        case "openai":
            return (
                ChatReader(strip_usage=strip_usage) if operation == "completions" else PlainReader(operation)
            )
        case "anthropic":
            return AnthropicReader()
        case "google":
            return GoogleReader()
