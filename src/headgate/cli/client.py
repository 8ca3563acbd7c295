"""The command line's way to a server: finds its address and a key, asks, and explains what went wrong.

Never prints. Read next: `command`, which opens it for each command.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

import msgspec

from headgate.cli.failure import CommandFailed, Unreachable
from headgate.settings import Settings

if TYPE_CHECKING:
    from headgate.cli.asking import Answer

TIMEOUT_S = 30.0
PAGES_MAX = 1000
PAGE_MAX = 500
"""The longest page that the API gives."""
PREFIX = "/api/v1"

Json = dict[str, Any]


def find_key(settings: Settings, folder: Path) -> str | None:
    """Return the key to present: HEADGATE_KEY, else HEADGATE_ADMIN_KEY, else the data folder's admin key."""
    for secret in (settings.key, settings.admin_key):
        if secret is not None:
            return secret.reveal()
    try:
        return (folder / "admin.key").read_text(encoding="utf-8").strip()
    except OSError:
        return None


class Client:
    """Speaks to one server. Raises Unreachable when none answers, CommandFailed when it refuses."""

    def __init__(self, url: str, key: str | None) -> None:
        from headgate.cli import asking

        self.url = url.rstrip("/")
        self.key = key
        self.has_key = key is not None
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._connection = asking.Connection(self.url, headers, TIMEOUT_S)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def get(self, path: str, **parameters: Any) -> Any:
        """Read a resource under the API's prefix; parameters that are None are left out."""
        return self.ask("GET", PREFIX + path, parameters=parameters)

    def post(self, path: str, body: Json) -> Any:
        """Make something."""
        return self.ask("POST", PREFIX + path, body=body)

    def put(self, path: str, body: Json) -> Any:
        """Set something."""
        return self.ask("PUT", PREFIX + path, body=body)

    def patch(self, path: str, body: Json) -> Any:
        """Change something."""
        return self.ask("PATCH", PREFIX + path, body=body)

    def delete(self, path: str) -> Any:
        """Take something away."""
        return self.ask("DELETE", PREFIX + path)

    def items(self, path: str, *, limit: int | None = None, **parameters: Any) -> list[Json]:
        """Read a list, page after page, up to `limit` entries."""
        items: list[Json] = []
        following: str | None = None
        for _ in range(PAGES_MAX):
            wanted = None if limit is None else min(limit - len(items), PAGE_MAX)
            page = self.get(path, next=following, limit=wanted, **parameters)
            items.extend(cast("list[Json]", page.get("items", [])))
            following = page.get("next")
            if following is None or (limit is not None and len(items) >= limit):
                break
        return items if limit is None else items[:limit]

    def probe(self, path: str) -> tuple[int, Any]:
        """Read any path, whatever the status; return status and body (text where it is no JSON)."""
        answer = self._send("GET", path, {}, None)
        try:
            return answer.status, msgspec.json.decode(answer.content)
        except msgspec.DecodeError:
            return answer.status, answer.content.decode("utf-8", "replace")

    def ask(self, method: str, path: str, *, parameters: Json | None = None, body: Json | None = None) -> Any:
        """Send one request and return its JSON, or None when the answer has no body."""
        answer = self._send(method, path, parameters or {}, body)
        if answer.is_success:
            if not answer.content:
                return None
            try:
                return msgspec.json.decode(answer.content)
            except msgspec.DecodeError:
                raise CommandFailed(
                    f"{self.url}{path} answered something that is no JSON",
                    "check that HEADGATE_URL or --url names a Headgate server",
                ) from None
        raise _refusal(answer.status, answer.content, f"{method} {path}", has_key=self.has_key)

    def lines(self, path: str, **parameters: Any) -> Iterator[bytes]:
        """Read something long under the API's prefix, line by line, each with its end."""
        from headgate.cli import asking

        target = PREFIX + path + _query(parameters)
        try:
            with self._connection.streamed(target) as answer:
                if not asking.is_success(answer.status):
                    content = b"".join(answer.pieces)
                    raise _refusal(answer.status, content, f"GET {path}", has_key=self.has_key)
                left: list[bytes] = []
                for piece in answer.pieces:
                    *whole, rest = piece.split(b"\n")
                    for line in whole:
                        yield b"".join([*left, line, b"\n"])
                        left = []
                    left.append(rest)
        except asking.NoAnswer as error:
            raise Unreachable(
                f"the answer of {self.url} broke off ({error})", "look at the log of `headgate up`"
            ) from error

    def events(self, path: str, body: Json) -> Iterator[tuple[str, Any]]:
        """Send a request and yield the events of its answer, each with its JSON, as they come."""
        from headgate.cli import asking

        try:
            with self._connection.opened(
                "POST", path, msgspec.json.encode(body), "text/event-stream"
            ) as answer:
                if not asking.is_success(answer.status):
                    content = "\n".join(answer.lines).encode()
                    raise _refusal(answer.status, content, f"POST {path}", has_key=self.has_key)
                event = ""
                for line in answer.lines:
                    name, _, value = line.partition(": ")
                    if name == "event":
                        event = value
                    elif name == "data":
                        yield event, msgspec.json.decode(value)
        except asking.NoAnswer as error:
            raise Unreachable(
                f"the answer of {self.url} broke off ({error})", "look at the log of `headgate up`"
            ) from error

    def _send(self, method: str, path: str, parameters: Json, body: Json | None) -> "Answer":
        from headgate.cli import asking

        try:
            return self._connection.ask(
                method,
                path,
                _given(parameters),
                None if body is None else msgspec.json.encode(body),
            )
        except asking.TooSlow as error:
            raise Unreachable(
                f"{self.url} did not answer within {TIMEOUT_S:.0f} s", "look at the log of `headgate up`"
            ) from error
        except asking.NoAnswer as error:
            raise Unreachable(
                f"no server answers at {self.url} ({error})",
                "start one with `headgate up`, or name yours with --url or HEADGATE_URL",
            ) from error


@contextmanager
def connected(url: str, key: str | None) -> Generator[Client]:
    """Open a client and close it again."""
    client = Client(url, key)
    try:
        yield client
    finally:
        client.close()


def _query(parameters: Json) -> str:
    given = _given(parameters)
    return f"?{urlencode(given)}" if given else ""


def _given(parameters: Json) -> list[tuple[str, str]]:
    """Return what was given, a list as one parameter for each of its values."""
    return [
        (name, _parameter(each))
        for name, value in parameters.items()
        for each in (cast("list[Any]", value) if isinstance(value, list) else [value])
        if each is not None
    ]


def _parameter(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _refusal(status: int, content: bytes, what: str, *, has_key: bool) -> CommandFailed:
    message, hint = _explanation(content)
    if message is None:
        message = f"the server answered {status} to {what}"
    # The server can't know where this client looked for a key.
    if hint is None or (status == 401 and not has_key):
        hint = _hint(status, has_key=has_key)
    return CommandFailed(message, hint)


def _explanation(content: bytes) -> tuple[str | None, str | None]:
    try:
        body = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return None, None
    if not isinstance(body, dict):
        return None, None
    found = cast("Json", body)
    fault: Any = found.get("error", found)
    if isinstance(fault, str):
        return fault, None
    if not isinstance(fault, dict):
        return None, None
    parts = cast("Json", fault)
    message = parts.get("message") or parts.get("detail")
    hint = parts.get("hint")
    return (str(message) if message else None), (str(hint) if hint else None)


def _hint(status: int, *, has_key: bool) -> str:
    match status:
        case 401 | 403 if not has_key:
            return "set HEADGATE_KEY, or point --data at the server's data folder, which holds admin.key"
        case 401:
            return "the key is unknown here, expired or revoked; check HEADGATE_KEY and --data"
        case 403:
            return "this needs a key with a higher role; `headgate keys create --role` makes one"
        case 404:
            return "check the name; the matching `list` command shows what there is"
        case 409:
            return "read it again, then repeat the change"
        case _ if status >= 500:
            return "look at the log of `headgate up`, and at /readyz"
        case _:
            return "the command's --help says what it takes"
