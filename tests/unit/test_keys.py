"""The text of a key: what is made can be read, and damage is told apart."""

import hashlib
import re
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.access.keys import (
    KEY_CHARACTERS,
    admin_key,
    check_digits,
    digest_of,
    display_prefix,
    mint,
    parse,
)
from headgate.core.faults import InvalidKey, InvalidRequest


@given(st.binary(min_size=64, max_size=64))
def test_a_minted_key_is_parsed_to_its_id(entropy: bytes) -> None:
    minted = mint(lambda count: entropy[:count])
    text = minted.text.reveal()
    assert len(text) == KEY_CHARACTERS
    assert re.fullmatch(r"hg_[0-9a-z]{12}_[0-9A-Za-z]{39}", text)
    assert parse(text.encode()) == minted.id
    assert minted.digest == hashlib.sha256(text.encode()).digest()
    assert text not in repr(minted) and text not in str(minted)


def test_two_keys_differ() -> None:
    texts = {mint(secrets.token_bytes).text.reveal() for _ in range(200)}
    assert len(texts) == 200


@given(st.integers(0, KEY_CHARACTERS - 1), st.sampled_from("0aZ_-é\n "))
def test_one_wrong_character_is_noticed(position: int, character: str) -> None:
    text = mint(lambda count: bytes(range(7, 7 + count))).text.reveal()
    damaged = text[:position] + character + text[position + 1 :]
    if damaged == text:
        return
    with pytest.raises(InvalidKey) as caught:
        parse(damaged.encode())
    assert damaged not in caught.value.message


@given(st.integers(0, KEY_CHARACTERS - 1))
def test_a_key_cut_short_is_never_whole(length: int) -> None:
    text = mint(lambda count: bytes(range(9, 9 + count))).text.reveal()
    with pytest.raises(InvalidKey, match=r"cut short|not one of this server"):
        parse(text[:length].encode())


_WHOLE = mint(lambda count: bytes(range(40, 40 + count))).text.reveal()


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (_WHOLE[:-1], "cut short: it has 54 of 55"),
        (_WHOLE + "x", "has 56 characters, 1 too many"),
        (_WHOLE[:-1] + ("a" if _WHOLE[-1] != "a" else "b"), "mistyped"),
        ("sk-" + _WHOLE[3:], "keys begin with hg_"),
        ("hg_" + _WHOLE[3:].upper(), "mistyped"),
    ],
)
def test_each_kind_of_damage_has_its_words(damaged: str, reason: str) -> None:
    with pytest.raises(InvalidKey, match=reason):
        parse(damaged.encode())


def test_check_digits_are_the_crc_to_base_62() -> None:
    value = 0
    for digit in check_digits("123456789"):
        value = value * 62 + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".index(digit)
    assert value == 0xCBF43926


def test_what_shows_of_a_key() -> None:
    assert display_prefix("abcdefghijkl") == "hg_abcdefghijkl"
    assert display_prefix("admin") == "admin"


def test_an_admin_key_is_any_long_text() -> None:
    key = admin_key("correct-horse-battery-staple", now_ms=7)
    assert (key.id, key.role, key.created_ms) == ("admin", "admin", 7)
    assert key.digest == digest_of(b"correct-horse-battery-staple")


def test_an_admin_key_that_was_minted_is_the_chosen_one_too() -> None:
    minted = mint(secrets.token_bytes)
    key = admin_key(minted.text.reveal(), now_ms=0)
    assert (key.id, key.digest) == ("admin", minted.digest)


@pytest.mark.parametrize("text", ["short", "x" * 23, "é" * 30, "with a space, but long enough", "line\n" * 6])
def test_an_admin_key_that_no_header_can_carry_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="24 or more printable ASCII"):
        admin_key(text, now_ms=0)
