"""The cases of a check: from a file beside it, or from a dataset on the server.

Read next: `headgate.datasets.files`, `headgate.datasets.http`.
"""

from pathlib import Path
from urllib.parse import quote

import msgspec

from headgate.checks.model import Check
from headgate.cli.client import Client, Json
from headgate.cli.failure import CommandFailed
from headgate.datasets.files import read_cases
from headgate.datasets.model import Case, digest_of

SUFFIXES = (".jsonl", ".csv", ".json")


class Cases(msgspec.Struct, frozen=True, kw_only=True):
    """Cases, the name of what they come from, and their digest."""

    name: str
    digest: str
    cases: list[Case]


def cases_of(client: Client, check: Check, folder: Path) -> Cases:
    """Return the cases of a check. Raises InvalidRequest or CommandFailed that says what is wrong."""
    if check.dataset.endswith(SUFFIXES) or "/" in check.dataset:
        cases, name = read_cases(folder / check.dataset), check.dataset
    else:
        name, _, version = check.dataset.partition("@")
        cases = fetched(client, name, version)
    return Cases(name=name, digest=digest_of(cases), cases=cases)


def fetched(client: Client, name: str, version: str = "", project: str | None = None) -> list[Case]:
    """Return the cases of a dataset on the server, of a version or of the last."""
    if version and not version.isdigit():
        raise CommandFailed(f"{version!r} is no version of {name}", f"write a number, such as {name}@1")
    path = f"/datasets/{quote(name, safe='')}/cases"
    items: list[Json] = client.items(path, version=int(version) if version else None, project=project)
    if not items:
        raise CommandFailed(
            f"dataset {name} has no cases", f"headgate datasets add {name} FILE puts some into it"
        )
    return [msgspec.convert(item, Case) for item in items]
