"""Asks a server for one prompt, with the standard library alone. Never follows a redirect with a key.

Loaded at the first question. Read next: `sdk.prompts`.
"""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any, Final, NamedTuple, cast

ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024


class Answer(NamedTuple):
    """What a server said: its status, the tag of what it sent, and the JSON of it (empty for none)."""

    status: int
    tag: str
    body: dict[str, Any]


class ServerAway(Exception):
    """The server can't be reached, or can't answer now."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Takes no answer for an address to go to."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Go nowhere."""
        return


def fetch(url: str, key: str, tag: str, timeout_s: float) -> Answer:
    """Ask for a prompt, unless it is what `tag` says. Raises ServerAway."""
    headers = {"authorization": f"Bearer {key}", "accept": "application/json"}
    if tag:
        headers["if-none-match"] = tag
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the client has checked the scheme
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=timeout_s) as answer:
            return Answer(answer.status, answer.headers.get("etag", ""), _json(answer.read(ANSWER_BYTES_MAX)))
    except urllib.error.HTTPError as error:
        with error:
            if error.code >= 500 or error.code == 429:
                raise ServerAway(f"it answered {error.code}") from None
            body = b"" if error.code == 304 else error.read(ANSWER_BYTES_MAX)
            return Answer(error.code, error.headers.get("etag", ""), _json(body))
    except (OSError, http.client.HTTPException) as error:
        raise ServerAway(str(error) or type(error).__name__) from None


def _json(body: bytes) -> dict[str, Any]:
    """The object that a body is; an answer that is none comes from something else than our server."""
    if not body:
        return {}
    try:
        found = json.loads(body)
    except ValueError:
        raise ServerAway("it answered something that is no JSON") from None
    if not isinstance(found, dict):
        raise ServerAway("it answered something that is no prompt")
    return cast("dict[str, Any]", found)
