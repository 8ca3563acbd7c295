"""Where of a cloud a provider is: region or location, project, and the base URL that follows. Pure.

Read next: `config.providers`, which asks for it; `catalog.kinds`, whose data decides.
"""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from headgate.catalog.kinds import place_in
from headgate.catalog.model import KindFacts
from headgate.config.document import ProviderTable
from headgate.config.problems import Problems

ANY: Final = "*"
_EXAMPLES: Final = {"region": "eu-central-1", "location": "europe-west4"}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a provider is. For kinds that are of no cloud `name` and `project` are empty."""

    base_url: str | None
    name: str = ""
    project: str = ""
    regions: frozenset[str] = frozenset()
    """What is known of where it processes without being told: the place, where the cloud itself is called."""


def place_of(name: str, table: ProviderTable, facts: KindFacts, problems: Problems) -> Place:
    """Read a table's place; what is missing or contradicts itself is added to `problems`."""
    path = ("providers", name)
    for key, value in (("region", table.region), ("location", table.location)):
        if value is not None and key != facts.place_key:
            problems.add((*path, key), f"is not known to kind {facts.kind}; take it out")
    if table.project is not None and not facts.takes_project:
        problems.add((*path, "project"), f"is not known to kind {facts.kind}; take it out")
    if not facts.place_key:
        return Place(base_url=table.base_url or facts.base_url)
    stated = table.region if facts.place_key == "region" else table.location
    in_host = place_in(facts, urlsplit(table.base_url).hostname or "") if table.base_url else None
    if stated and in_host and stated != in_host:
        problems.add((*path, facts.place_key), f"is {stated!r}, and the base_url is of {in_host!r}")
    place = stated or in_host
    if place is None:
        example = _EXAMPLES[facts.place_key]
        problems.add(
            path,
            f'has no {facts.place_key}, which kind {facts.kind} needs; write {facts.place_key} = "{example}"',
        )
        return Place(base_url=table.base_url)
    if facts.takes_project and table.project is None:
        problems.add(path, f'has no project, which kind {facts.kind} needs; write project = "my-project"')
    base = facts.place_bases.get(place, facts.place_bases[ANY]).replace("{place}", place)
    is_cloud = table.base_url is None or in_host == place
    return Place(
        base_url=table.base_url or base,
        name=place,
        project=table.project or "",
        regions=frozenset({place}) if is_cloud else frozenset(),
    )
