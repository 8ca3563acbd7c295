"""Who is behind a call: the key wins, labels only narrow, roles see no more than their table says."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.access.caller import (
    Asserted,
    caller_of,
    lesser_record,
    may_use_model,
    read_labels,
    read_tags,
)
from headgate.access.model import Key, Project, Role
from headgate.access.roles import GRANTS, Grant, may, may_give, require, visible
from headgate.core.call import RecordMode
from headgate.core.faults import InvalidRequest, NotAllowed
from headgate.core.labels import UNRESTRICTED, Label

PROJECT = Project(name="default")


def key(**changes: object) -> Key:
    return Key(id="k1", name="app", digest=b"", **changes)  # type: ignore[arg-type]


def test_what_the_key_says_wins() -> None:
    asserted = Asserted(user="mallory", tags=("x",), session="s1", release="r9")
    caller = caller_of(key(user="alice", tags=("own",)), PROJECT, asserted)
    assert (caller.user, caller.tags, caller.session, caller.release) == ("alice", ("own",), "s1", "")
    trusted = caller_of(key(user="alice", tags=("own",), may_assert=True), PROJECT, asserted)
    assert (trusted.user, trusted.tags, trusted.release) == ("alice", ("own", "x"), "r9")


def test_asserted_user_counts_only_for_keys_that_may() -> None:
    asserted = Asserted(user="bob", tags=("a", "a"))
    assert caller_of(key(), PROJECT, asserted).user == ""
    trusted = caller_of(key(may_assert=True), PROJECT, asserted)
    assert (trusted.user, trusted.tags) == ("bob", ("a",))


def test_names_of_any_script_are_kept() -> None:
    name = "\u5c71\u7530\u3000\u592a\u90ce"
    assert caller_of(key(may_assert=True), PROJECT, Asserted(user=name)).user == name


def test_values_that_do_not_count_are_not_judged() -> None:
    assert caller_of(key(), PROJECT, Asserted(user="x" * 10_000, tags=("y",) * 99)).user == ""


@pytest.mark.parametrize(
    ("asserted", "parameter"),
    [
        (Asserted(user="x" * 257), "user"),
        (Asserted(user="a\x00b"), "user"),
        (Asserted(session="s" * 257), "session"),
        (Asserted(session="s\n"), "session"),
        (Asserted(session="s\ud800"), "session"),
        (Asserted(session="s\u2028"), "session"),
        (Asserted(tags=("t" * 65,)), "tags"),
        (Asserted(tags=tuple(f"t{n}" for n in range(17))), "tags"),
        (Asserted(release="r" * 257), "release"),
        (Asserted(labels="region=eu"), "x-headgate-labels"),
        (Asserted(labels="regions"), "x-headgate-labels"),
        (Asserted(labels="regions=eu;regions=us"), "x-headgate-labels"),
        (Asserted(labels="regions=" + ",".join(f"r{n}" for n in range(65))), "x-headgate-labels"),
        (Asserted(labels=";" * 2049), "x-headgate-labels"),
    ],
)
def test_values_that_count_are_bounded(asserted: Asserted, parameter: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        caller_of(key(may_assert=True), PROJECT, asserted)
    assert caught.value.parameter == parameter


def test_labels_are_read() -> None:
    label = read_labels(" regions = de , moon ;purposes=support; readers=")
    assert label.regions == {"de", "moon"}
    assert label.purposes == {"support"}
    assert label.readers == frozenset()
    assert read_labels(" ; ") is UNRESTRICTED


def test_names_of_region_sets_are_expanded() -> None:
    regions = read_labels("regions=eu,moon").regions or frozenset()
    assert {"eu", "de", "moon"} <= regions and "us" not in regions


def test_tags_are_read_from_a_header() -> None:
    assert read_tags(" a, b ,a,") == ("a", "b")


_PART = st.one_of(st.none(), st.frozensets(st.sampled_from(["eu", "us", "de", "uk"])))
_LABEL = st.builds(Label, readers=_PART, regions=_PART, purposes=_PART)
_REGIONS = st.frozensets(st.sampled_from(["eu", "us", "de", "uk"]))


@given(_LABEL, _LABEL, _REGIONS)
def test_joining_labels_only_narrows(one: Label, other: Label, regions: frozenset[str]) -> None:
    joined = one.join(other)
    assert joined == other.join(one)
    assert joined.join(one) == joined
    if joined.allows_regions(regions):
        assert one.allows_regions(regions) and other.allows_regions(regions)


@given(_PART, _PART, _REGIONS)
def test_an_asserted_label_never_widens_the_project(
    project_regions: frozenset[str] | None, asserted: frozenset[str] | None, regions: frozenset[str]
) -> None:
    text = None if asserted is None else "regions=" + ",".join(asserted)
    project = Project(name="p", regions=project_regions)
    label = caller_of(key(project="p"), project, Asserted(labels=text)).label
    if label.allows_regions(regions):
        assert project.label.allows_regions(regions)


_MODES: tuple[RecordMode, ...] = get_args(RecordMode)


@pytest.mark.parametrize("one", _MODES)
@pytest.mark.parametrize("other", [*_MODES, None])
def test_a_key_only_records_less(one: RecordMode, other: RecordMode | None) -> None:
    order = ["none", "metadata", "full"]
    result = lesser_record(one, other)
    assert order.index(result) == min(order.index(one), order.index(other or one))


@pytest.mark.parametrize(
    ("of_key", "of_project", "name", "allowed"),
    [
        (None, None, "openai/gpt-5", True),
        (("assistant",), None, "assistant", True),
        (("assistant",), None, "assistant2", False),
        (("openai/*",), None, "openai/gpt-5", True),
        (("openai/*",), None, "openai", False),
        (("*",), ("assistant",), "assistant", True),
        (("*",), ("assistant",), "other", False),
        ((), None, "assistant", False),
        (None, (), "assistant", False),
        (("a*b",), None, "axb", False),
    ],
)
def test_both_key_and_project_have_to_allow_a_model(
    of_key: tuple[str, ...] | None, of_project: tuple[str, ...] | None, name: str, allowed: bool
) -> None:
    assert may_use_model(key(models=of_key), Project(name="default", models=of_project), name) is allowed


@pytest.mark.parametrize(
    ("role", "grants", "lacks"),
    [
        ("admin", ["snapshots:write", "audit:read", "calls:make", "keys:write"], []),
        ("project_admin", ["keys:write", "calls:make", "budgets:write"], ["snapshots:write", "audit:read"]),
        ("member", ["calls:make", "requests:read"], ["keys:read", "budgets:read", "keys:write"]),
        ("viewer", ["requests:read", "costs:read"], ["calls:make", "keys:read", "budgets:write"]),
    ],
)
def test_roles(role: Role, grants: list[Grant], lacks: list[Grant]) -> None:
    assert all(may(role, grant) for grant in grants)
    assert not any(may(role, grant) for grant in lacks)
    for grant in lacks:
        with pytest.raises(NotAllowed, match=f"role {role} has no {grant}; it takes"):
            require(role, grant)
    require(role, grants[0])


def test_every_grant_is_known_and_an_admin_has_them_all() -> None:
    assert GRANTS["admin"] == frozenset(get_args(Grant))


def test_no_role_gives_more_than_it_has() -> None:
    allowed = {(giver, given) for giver in GRANTS for given in GRANTS if may_give(giver, given)}
    assert allowed == {
        *(("admin", given) for given in GRANTS),
        ("project_admin", "project_admin"),
        ("project_admin", "member"),
        ("project_admin", "viewer"),
    }


def test_what_each_role_sees() -> None:
    def seen(role: Role) -> tuple[tuple[str, ...] | None, str | None]:
        shown = visible(caller_of(key(project="p", role=role), Project(name="p")))
        assert shown == visible(key(project="p", role=role))
        assert shown.own_key_only is (role == "member")
        assert shown.sees("p") and shown.sees("other") is (role == "admin")
        return shown.project_ids, shown.key

    assert seen("admin") == (None, None)
    assert seen("project_admin") == (("p",), None)
    assert seen("viewer") == (("p",), None)
    assert seen("member") == (("p",), "k1")
