"""Logs to standard error: a JSON object a line, or a calm readable line at a terminal; never a secret.

Redaction works on the finished text, so it also covers tracebacks and values inside messages.
"""

import logging
import re
import sys
import time
from typing import Any

import msgspec

REDACTED = "[redacted]"

_SECRET = re.compile(
    r"""
      \bhg_[A-Za-z0-9]+_[A-Za-z0-9_-]{6,}            # our own keys
    | \b(?:sk|rk|pk)-[A-Za-z0-9_-]{6,}               # OpenAI, Anthropic and many that copied them
    | \bAIza[A-Za-z0-9_-]{10,}                       # Google
    | \bAKIA[A-Z0-9]{12,}                            # AWS access key ids
    | (?<=[?&]key=)[^&\s"']+                         # keys in a query string
    | (?<=://)[^/\s:@"']+:[^/\s@"']+(?=@)            # user:password in a URL
    | (?i:(?<=bearer\s))[A-Za-z0-9._~+/=-]{6,}       # whatever else came as bearer
    | (?i:(?<=x-api-key:\s))[^\s,"']{6,}
    """,
    re.VERBOSE,
)


def redact(text: str) -> str:
    """Return the text with everything that is shaped like a credential taken out."""
    return _SECRET.sub(REDACTED, text)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, process, logger, message, and error with its traceback."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as one line of JSON."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            line["error"] = redact(self.formatException(record.exc_info))
        return msgspec.json.encode(line).decode()


class LineFormatter(logging.Formatter):
    """A readable line: local time, process, and the level where it is above info."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as one line, followed by its traceback."""
        stamp = time.strftime("%H:%M:%S", time.localtime(record.created))
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        line = f"{stamp}  {self._process:<10}  {level}{record.getMessage()}"
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return redact(line)


def wants_json(log_json: bool | None) -> bool:
    """Decide between JSON and readable lines: as asked, else JSON when standard error is no terminal."""
    return not sys.stderr.isatty() if log_json is None else log_json


def configure(process: str, *, json: bool) -> None:
    """Send all logging of this process to standard error, redacted."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(process) if json else LineFormatter(process))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("headgate").setLevel(logging.INFO)
