"""Who is behind a call: what the key says, weighed against what the request asserts. Pure.

The key wins. What a request asserts counts only for keys with `may_assert`, but for the session, which groups
records and grants nothing, and labels, which only ever restrict.
"""

import re

import msgspec

from headgate.access.model import Caller, Key, Project
from headgate.catalog.kinds import expand_regions
from headgate.core.call import RecordMode
from headgate.core.faults import InvalidRequest
from headgate.core.labels import UNRESTRICTED, Label

VALUE_CHARACTERS_MAX = 256
TAG_CHARACTERS_MAX = 64
TAGS_MAX = 16
LABEL_VALUES_MAX = 64
LABELS_CHARACTERS_MAX = 2048

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line separators, and what is no character of its own."""
_RECORDED: dict[RecordMode, int] = {"none": 0, "metadata": 1, "full": 2}


class Asserted(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says of itself in headers and body. `labels` is the text of `x-headgate-labels`."""

    user: str | None = None
    session: str | None = None
    tags: tuple[str, ...] = ()
    labels: str | None = None
    release: str | None = None


NOTHING_ASSERTED = Asserted()


def caller_of(
    key: Key,
    project: Project,
    asserted: Asserted = NOTHING_ASSERTED,
) -> Caller:
    """Return the caller of a request.

    Raises InvalidRequest for an asserted value that counts and is too long, has control characters, or is no
    label.
    """
    heard = asserted if key.may_assert else NOTHING_ASSERTED
    user = key.user or _checked(heard.user, "user", VALUE_CHARACTERS_MAX)
    tags = key.tags
    if heard.tags:
        tags = _joined_tags(key.tags, heard.tags)
    label = project.label
    if asserted.labels:
        label = label.join(read_labels(asserted.labels))
    return Caller(
        key=key.id,
        project=key.project,
        role=key.role,
        user=user,
        tags=tags,
        session=_checked(asserted.session, "session", VALUE_CHARACTERS_MAX),
        models=key.models,
        record=lesser_record(project.record, key.record),
        label=label,
        release=_checked(heard.release, "release", VALUE_CHARACTERS_MAX),
    )


def with_session(caller: Caller, session: str) -> Caller:
    """Return the caller within a session. Raises InvalidRequest for one that is no value."""
    return msgspec.structs.replace(caller, session=_checked(session, "session", VALUE_CHARACTERS_MAX))


def may_use_model(key: Key | Caller, project: Project, name: str) -> bool:
    """Say whether both key and project allow a name: an alias, or `provider/model`.

    A pattern is a whole name, or a prefix that ends in `*`. None allows every name.
    """
    return is_listed(key.models, name) and is_listed(project.models, name)


def lesser_record(one: RecordMode, other: RecordMode | None) -> RecordMode:
    """Return the mode that records less; None has no say."""
    if other is None:
        return one
    return other if _RECORDED[other] < _RECORDED[one] else one


def read_labels(text: str) -> Label:
    """Read `regions=eu,us;purposes=support;readers=team-a` as a label.

    Names of region sets stand for their members. A part may stand once; an empty part is nobody, or nowhere.
    Raises InvalidRequest otherwise.
    """
    if len(text) > LABELS_CHARACTERS_MAX:
        raise _invalid_labels(f"has more than {LABELS_CHARACTERS_MAX} characters")
    parts: dict[str, frozenset[str]] = {}
    for piece in text.split(";"):
        if not piece.strip():
            continue
        name, equals, listed = piece.partition("=")
        name = name.strip()
        if not equals or name not in ("readers", "regions", "purposes"):
            raise _invalid_labels(f"has {name!r}, which is none of readers=, regions=, purposes=")
        if name in parts:
            raise _invalid_labels(f"has {name} twice")
        values = [value.strip() for value in listed.split(",") if value.strip()]
        if len(values) > LABEL_VALUES_MAX:
            raise _invalid_labels(f"has more than {LABEL_VALUES_MAX} {name}")
        parts[name] = frozenset(
            _checked(value, "x-headgate-labels", VALUE_CHARACTERS_MAX) for value in values
        )
    if not parts:
        return UNRESTRICTED
    regions = parts.get("regions")
    return Label(
        readers=parts.get("readers"),
        regions=None if regions is None else expand_regions(regions),
        purposes=parts.get("purposes"),
    )


def read_tags(text: str) -> tuple[str, ...]:
    """Read `x-headgate-tags`: words separated by commas. Raises InvalidRequest beyond the bounds."""
    return _joined_tags((), tuple(tag.strip() for tag in text.split(",") if tag.strip()))


def _joined_tags(own: tuple[str, ...], asserted: tuple[str, ...]) -> tuple[str, ...]:
    if len(asserted) > TAGS_MAX:
        raise InvalidRequest(f"{len(asserted)} tags are sent; at most {TAGS_MAX} count", parameter="tags")
    checked = [_checked(tag, "tags", TAG_CHARACTERS_MAX) for tag in asserted]
    return tuple(dict.fromkeys([*own, *(tag for tag in checked if tag)]))


def _checked(value: str | None, parameter: str, characters_max: int) -> str:
    if not value:
        return ""
    if len(value) > characters_max:
        raise InvalidRequest(
            f"{parameter} has {len(value)} characters; at most {characters_max} are kept. Send a shorter one",
            parameter=parameter,
        )
    if _UNFIT.search(value):
        raise InvalidRequest(
            f"{parameter} holds control characters; send printable text", parameter=parameter
        )
    return value


def is_listed(patterns: tuple[str, ...] | None, name: str) -> bool:
    """Say whether a name is among patterns: a whole name, or a prefix that ends in `*`; None has all."""
    if patterns is None:
        return True
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern for pattern in patterns
    )


def _invalid_labels(reason: str) -> InvalidRequest:
    return InvalidRequest(
        f"x-headgate-labels {reason}; write for example `regions=eu;purposes=support`",
        parameter="x-headgate-labels",
    )
