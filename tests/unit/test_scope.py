"""Scopes: which meters count a call, and that no two share a subject."""

from hypothesis import given
from hypothesis import strategies as st

from headgate.meters.model import Budget, Scope, Subject
from headgate.meters.scope import counts, describe, matches, meters_of

VALUES = st.text(max_size=300) | st.sampled_from(["a", "a,tag=b", "b", "a%2Ctag", "\0", "ü", "x" * 201, "*"])


def subject(**fields: str | tuple[str, ...]) -> Subject:
    given_fields: dict[str, str | tuple[str, ...]] = {
        "project": "p",
        "key": "k",
        "user": "anna",
        "alias": "assistant",
        **fields,
    }
    return Subject(**given_fields)  # pyright: ignore[reportArgumentType]


def test_all_named_parts_must_match() -> None:
    assert matches(Scope(), subject()) == ""
    assert matches(Scope(user="anna"), subject()) == "user=anna"
    assert matches(Scope(user="bert"), subject()) is None
    assert matches(Scope(user="*", project="p"), subject()) == "project=p,user=anna"
    assert matches(Scope(user="*", project="q"), subject()) is None


def test_providers_and_models_match_only_with_a_target() -> None:
    aimed = subject(provider="openai", target="openai/gpt-5")
    for scope in (Scope(provider="openai"), Scope(model="openai/gpt-5"), Scope(model="assistant")):
        assert matches(scope, subject()) is None
        assert matches(scope, aimed) is not None
    assert matches(Scope(provider="*"), subject()) is None
    assert matches(Scope(model="*"), aimed) == "model=openai/gpt-5"
    assert matches(Scope(model="openai/gpt-4"), aimed) is None


def test_each_tag_counts_apart() -> None:
    assert meters_of(Scope(tag="*", user="*"), subject(tags=("a", "b", "a"))) == (
        "user=anna,tag=a",
        "user=anna,tag=b",
    )
    assert meters_of(Scope(tag="*"), subject()) == ()
    assert matches(Scope(tag="b"), subject(tags=("a", "b"))) == "tag=b"


def test_what_came_with_a_key_counts_that_key_only() -> None:
    own = Budget(id="i", name="n", scope=Scope(), limit_pico_usd=1, window="day", key="k")
    assert counts(own, subject()) == ("",)
    assert counts(own, subject(key="other")) == ()


@given(VALUES, VALUES, VALUES, VALUES)
def test_different_values_have_different_subjects(user: str, tag: str, user2: str, tag2: str) -> None:
    scope = Scope(user="*", tag="*")
    one = matches(scope, subject(user=user, tags=(tag,)))
    two = matches(scope, subject(user=user2, tags=(tag2,)))
    assert (one == two) == ((user, tag) == (user2, tag2))


@given(VALUES)
def test_subjects_are_text_that_the_database_takes(user: str) -> None:
    found = matches(Scope(user="*"), subject(user=user))
    assert found is not None
    assert found.isascii() and "\0" not in found and len(found) <= 1000
    if len(user) <= 200:
        assert describe(found) == {"user": user}
