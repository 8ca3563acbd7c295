"""Cases, and what makes a collection of them a dataset. Pure.

A version of a dataset is known by the digest of its cases: the same cases in another order are the same
version. Read next: `datasets.files`.
"""

import hashlib
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

import msgspec

from headgate.core.faults import InvalidRequest

CASES_MAX: Final = 10_000
CASE_BYTES_MAX: Final = 256 * 1024
TAGS_MAX: Final = 16

Json = dict[str, Any]
Origin = Literal["file", "request", "trace", "feedback"]
Id = Annotated[str, msgspec.Meta(max_length=200)]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A case: what is asked, and what is known of a good answer.

    Asked is exactly one of `input` (a text, or messages), `body` (a whole request to OpenAI's chat route) and
    `variables` (for a managed prompt). Cases of one `cluster` are alike, such as questions on one document,
    and count as one unit where a check is about more than these cases.
    """

    id: Id = ""
    input: str | list[Json] | None = None
    body: Json | None = None
    variables: Json | None = None
    expected: Any = None
    context: str | list[str] | None = None
    tags: Annotated[tuple[Tag, ...], msgspec.Meta(max_length=TAGS_MAX)] = ()
    cluster: Id | None = None
    origin: Origin = "file"

    @property
    def question(self) -> str:
        """What is asked, as a text: for people and judges."""
        if isinstance(self.input, str):
            return self.input
        told = self.input if self.input is not None else self.body if self.body else self.variables
        return msgspec.json.encode(told).decode()


def content_of(case: Case) -> bytes:
    """Return what makes a case the case that it is: all but its id and its origin, as canonical JSON."""
    bare = msgspec.structs.replace(case, id="", origin="file")
    return msgspec.json.encode(bare, order="deterministic")


def checked_case(case: Case) -> Case:
    """Return a case with an id. Raises InvalidRequest for one that asks nothing, two things or too much."""
    asked = [name for name in ("input", "body", "variables") if getattr(case, name) is not None]
    if len(asked) != 1:
        found = f"has {' and '.join(asked)}" if asked else "asks nothing"
        raise InvalidRequest(f"it {found}; give exactly one of input, body and variables")
    if case.input in ("", []):
        raise InvalidRequest("its input is empty; write what is to be asked")
    content = content_of(case)
    if len(content) > CASE_BYTES_MAX:
        raise InvalidRequest(f"it has {len(content)} bytes; a case has at most {CASE_BYTES_MAX}")
    if b"\\u0000" in content or "\0" in case.id:
        raise InvalidRequest("it holds a character of number 0, which no database keeps; leave it out")
    if case.id:
        return case
    return msgspec.structs.replace(case, id=hashlib.sha256(content).hexdigest()[:16])


def digest_of(cases: Iterable[Case]) -> str:
    """Return the digest of a version: over its cases with their ids, in whatever order they come."""
    parts = sorted(hashlib.sha256(case.id.encode() + b"\0" + content_of(case)).digest() for case in cases)
    return hashlib.sha256(b"".join(parts)).hexdigest()


class Gathered:
    """Cases that are put together one by one, each with where it stands, such as `cases.jsonl:3`."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self._ids: dict[str, str] = {}
        self._contents: dict[bytes, str] = {}

    def add(self, case: Case, where: str) -> None:
        """Take one more. Raises InvalidRequest for one that is there already, or one too many."""
        try:
            case = checked_case(case)
        except InvalidRequest as fault:
            raise InvalidRequest(f"{where}: {fault.message}") from None
        content = hashlib.sha256(content_of(case)).digest()
        if content in self._contents:
            raise InvalidRequest(
                f"{where}: this is the case of {self._contents[content]} again; leave one out (`repeats` of "
                "a check asks a case several times)"
            )
        if case.id in self._ids:
            raise InvalidRequest(
                f"{where}: the id {case.id!r} is that of {self._ids[case.id]}, which is another case; "
                "give each its own"
            )
        if len(self.cases) >= CASES_MAX:
            raise InvalidRequest(f"{where}: there are more than {CASES_MAX} cases; make several datasets")
        self._ids[case.id] = self._contents[content] = where
        self.cases.append(case)
