"""Sends what an application says of itself to its own server, with the standard library alone.

Never follows a redirect, and never raises for a server that is away or answers nonsense. Read next:
`sdk.outbox`.
"""

import gzip
import http.client
import json
import os
import ssl
from typing import Any, Final, cast
from urllib.parse import urlsplit

from headgate.sdk.outbox import Outcome

TIMEOUT_S: Final = 5.0
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
COMPRESSED_FROM_BYTES: Final = 1024
WRONG_KEY_S: Final = 30.0
_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})


class Delivery:
    """One connection to one server, kept open; used by one thread at a time."""

    def __init__(self, url: str, key: str) -> None:
        self._connection: http.client.HTTPConnection | None = None
        parts = urlsplit(url)
        self._url = url
        self._key = key
        self._secure = parts.scheme == "https"
        self._place = parts.netloc.rpartition("@")[2]
        self._path = parts.path.rstrip("/")
        self._process = os.getpid()

    def __del__(self) -> None:
        self._close()

    def post(self, path: str, body: bytes) -> tuple[Outcome, dict[str, Any]]:
        """Send a JSON body, and return what became of it and what the server said."""
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        if len(body) >= COMPRESSED_FROM_BYTES and path == "/v1/traces":
            body = gzip.compress(body, 1)
            headers["content-encoding"] = "gzip"
        try:
            status, after_s, answer = self._ask(path, body, headers)
        except (OSError, http.client.HTTPException, ssl.SSLError, ValueError) as error:
            self._close()
            return Outcome("again", f"{self._url} can't be reached ({error or type(error).__name__})"), {}
        said = _json(answer)
        if status in (200, 202):
            return Outcome("taken"), said
        why = f"{self._url} answered {status} to {path}{_message(said)}"
        if status in _AGAIN:
            return Outcome("again", why, after_s), said
        if status in (401, 403):
            return Outcome("refused", f"{why}; set HEADGATE_KEY to a key of it", WRONG_KEY_S), said
        return Outcome("refused", why), said

    def _ask(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, float, bytes]:
        """Ask once, or twice where the server has closed a connection that was idle."""
        if self._process != os.getpid():
            self._connection, self._process = None, os.getpid()  # a fork's: the parent goes on with it
        is_kept = self._connection is not None
        try:
            return self._once(path, body, headers)
        except (ConnectionError, http.client.HTTPException):
            self._close()
            if not is_kept:
                raise
            return self._once(path, body, headers)

    def _once(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, float, bytes]:
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            self._connection = kind(self._place, timeout=TIMEOUT_S)
        self._connection.request("POST", self._path + path, body=body, headers=headers)
        answer = self._connection.getresponse()
        content = answer.read(ANSWER_BYTES_MAX)
        if not answer.isclosed():
            self._close()
        return answer.status, _seconds(answer.getheader("retry-after")), content

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _seconds(text: str | None) -> float:
    return float(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else 0.0


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _message(said: dict[str, Any]) -> str:
    fault: Any = said.get("error")
    message = cast("dict[str, Any]", fault).get("message") if isinstance(fault, dict) else said.get("message")
    return f" ({str(message)[:300]})" if message else ""
