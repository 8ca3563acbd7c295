"""What the corpus is run against: where it stands, how its paths read there, and what a canary gets there.

A canary is a good request with a mark of its own, sent after each case: its answer must show that mark and
nothing of the case. Read next: `conformance`.
"""

import uuid
from typing import Any, Protocol

import msgspec
from tests.attack.corpus_cases import Seen
from tests.attack.raw_line import Answer

Address = tuple[str, int] | str


class Surface(Protocol):
    """One set of routes of one server."""

    name: str
    address: Address

    def dress(self, data: bytes) -> bytes:
        """The corpus's bytes with this surface's paths."""
        ...

    def canary(self) -> tuple[bytes, str]:
        """A good request and its mark."""
        ...

    def judge_canary(self, answer: Answer, mark: str) -> list[str]:
        """What is wrong with the answer to a canary."""
        ...

    def served(self, answer: Answer) -> bool:
        """Whether the answer comes from a handler, not from the server."""
        ...

    def judge_served(self, answer: Answer, seen: Seen | None) -> list[str]:
        """What is wrong with what the handler was given."""
        ...

    def judge_count(self, served: int, begun: int) -> list[str]:
        """What is wrong with the count of requests at the handler, as the last canary showed it."""
        ...


class EchoSurface:
    """The echo of `echo_server`: shows what its handler was given, and counts."""

    name = "echo"

    def __init__(self, address: Address) -> None:
        self.address = address
        self._number: int | None = None
        self._last: int | None = None

    def dress(self, data: bytes) -> bytes:
        return data

    def canary(self) -> tuple[bytes, str]:
        mark = uuid.uuid4().hex
        return b"GET /canary/%b HTTP/1.1\r\nHost: h\r\n\r\n" % mark.encode(), mark

    def judge_canary(self, answer: Answer, mark: str) -> list[str]:
        wanted: dict[str, Any] = {"method": "GET", "path": f"/canary/{mark}", "query": "", "body": ""}
        if answer.status != 200:
            return [f"the canary got {answer.status}: {answer.body[:200]!r}"]
        given = msgspec.json.decode(answer.body)
        self._last = given["number"]
        found = {key: given[key] for key in wanted}
        return [] if found == wanted and given["headers"] == [["host", "h"]] else [f"the canary was {given}"]

    def served(self, answer: Answer) -> bool:
        return answer.status == 200

    def judge_served(self, answer: Answer, seen: Seen | None) -> list[str]:
        try:
            given = msgspec.json.decode(answer.body)
        except msgspec.DecodeError:
            return [f"an answer that is not the echo's: {answer.body[:200]!r}"]
        if "/smuggled" in given.get("path", ""):
            return [f"a smuggled request was served: {given}"]
        if seen is None:
            return []
        problems: list[str] = []
        for name in ("method", "path", "query", "body", "body_bytes"):
            wanted = getattr(seen, name)
            if wanted is not None and given.get(name) != wanted:
                problems.append(f"the handler saw {name} {given.get(name)!r}, not {wanted!r}")
        for name, values in (seen.headers or {}).items():
            found = [value for field, value in given["headers"] if field == name]
            if found != values:
                problems.append(f"the handler saw {name} {found}, not {values}")
        return problems

    def judge_count(self, served: int, begun: int) -> list[str]:
        """`served` counts canaries too."""
        before, self._number = self._number, self._last
        if before is None or self._last is None:
            return []
        more = self._last - before
        if served <= more <= served + begun:
            return []
        return [f"the handler was given {more} requests, where {served} to {served + begun} were sent"]


class WholeSurface:
    """Routes of a whole `headgate up`. The corpus carries no key: whoever answers it refuses it by itself."""

    def __init__(self, name: str, url: str, key: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self.name = name
        self.address: Address = (host, int(port))
        self.marks: list[str] = []
        """Of the canaries that were answered."""
        self._key = key.encode()

    def dress(self, data: bytes) -> bytes:
        path = b"/v1/chat/completions" if self.name == "model" else b"/api/v1/requests"
        return data.replace(b"/echo", path)

    def canary(self) -> tuple[bytes, str]:
        mark = f"c{uuid.uuid4().hex}"
        if self.name == "control":
            head = b"GET /api/v1/%b HTTP/1.1\r\nHost: localhost\r\n" % mark.encode()
            return head + b"Authorization: Bearer %b\r\n\r\n" % self._key, mark
        body = b'{"model": "mock/%b", "messages": [{"role": "user", "content": "hi"}]}' % mark.encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
        return b"%bAuthorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b" % (
            head,
            self._key,
            len(body),
            body,
        ), mark

    def judge_canary(self, answer: Answer, mark: str) -> list[str]:
        wanted = 200 if self.name == "model" else 404
        self.marks.append(mark)
        if answer.status == wanted and mark.encode() in answer.body:
            return []
        return [f"the canary got {answer.status}: {answer.body[:200]!r}"]

    def served(self, answer: Answer) -> bool:
        return answer.header("x-headgate-request-id") is not None or b"there is no route" in answer.body

    def judge_served(self, answer: Answer, seen: Seen | None) -> list[str]:
        return [] if answer.status in (401, 403, 404, 405) else [f"{answer.status}: {answer.body[:200]!r}"]

    def judge_count(self, served: int, begun: int) -> list[str]:
        return []
