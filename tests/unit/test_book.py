"""What a gateway knows of keys: each refusal has its words, none shows the secret."""

import secrets
import stat
from pathlib import Path

import pytest

from headgate.access.book import MAX_STALE_MS, AccessBook, KeyChange
from headgate.access.credentials import present
from headgate.access.keys import MintedKey, admin_key, check_digits, mint
from headgate.access.model import Key
from headgate.core.faults import InvalidKey, Unavailable

NOW_MS = 1_790_000_000_000


def key_of(minted: MintedKey, **changes: object) -> Key:
    return Key(id=minted.id, name="app", digest=minted.digest, **changes)  # type: ignore[arg-type]


def book_with(*keys: Key) -> AccessBook:
    book = AccessBook()
    book.apply(KeyChange(id=key.id, seq=seq, key=key) for seq, key in enumerate(keys, start=1))
    book.contacted(NOW_MS)
    return book


def test_the_right_text_gives_the_key() -> None:
    minted = mint(secrets.token_bytes)
    key = key_of(minted)
    assert book_with(key).authenticate(minted.text.reveal().encode(), NOW_MS) is key


def test_a_rotated_key_takes_its_earlier_text_only_as_long_as_that_lasts() -> None:
    first = mint(secrets.token_bytes)
    second = mint(secrets.token_bytes, first.id)
    assert second.id == first.id and second.digest != first.digest
    rotated = key_of(second, earlier_digest=first.digest, earlier_until_ms=NOW_MS + 1000)
    book = book_with(rotated)
    for each in (first, second):
        assert book.authenticate(each.text.reveal().encode(), NOW_MS + 999) is rotated
    assert book.authenticate(second.text.reveal().encode(), NOW_MS + 1000) is rotated
    with pytest.raises(InvalidKey, match="was rotated"):
        book.authenticate(first.text.reveal().encode(), NOW_MS + 1000)
    with pytest.raises(InvalidKey, match="was rotated"):
        book_with(key_of(second)).authenticate(first.text.reveal().encode(), NOW_MS)


def test_a_text_chosen_by_the_operator_is_found_by_its_digest() -> None:
    for text in ("correct-horse-battery-staple", "hg_but-not-a-minted-one-at-all"):
        key = admin_key(text, now_ms=0)
        assert book_with(key).authenticate(text.encode(), NOW_MS) is key


def test_a_minted_text_that_the_operator_chose_outlives_the_key_it_was() -> None:
    minted = mint(secrets.token_bytes)
    text = minted.text.reveal()
    book = book_with(key_of(minted), admin_key(text, now_ms=0))
    assert book.authenticate(text.encode(), NOW_MS).id == minted.id
    book.apply([KeyChange(id=minted.id, seq=3, key=None)])
    assert book.authenticate(text.encode(), NOW_MS).id == "admin"
    book.apply([KeyChange(id="admin", seq=4, key=admin_key("x" * 24, now_ms=0))])
    with pytest.raises(InvalidKey, match="revoked"):
        book.authenticate(text.encode(), NOW_MS)


def test_each_refusal_has_its_words_and_hides_the_secret() -> None:
    good, other, expired, revoked = (mint(secrets.token_bytes) for _ in range(4))
    book = book_with(key_of(good), key_of(expired, expires_ms=NOW_MS), key_of(revoked))
    book.apply([KeyChange(id=revoked.id, seq=4, key=None)])
    forged = good.text.reveal()[:17] + other.text.reveal()[17:]
    cases = [
        (other.text.reveal(), "unknown"),
        (expired.text.reveal(), "expired at 20"),
        (revoked.text.reveal(), "is revoked"),
        (good.text.reveal()[:-3], "cut short"),
        (forged, "mistyped"),
        ("sk-something-of-another-server", "begin with hg_"),
    ]
    for text, words in cases:
        with pytest.raises(InvalidKey, match=words) as caught:
            book.authenticate(text.encode(), NOW_MS)
        assert text not in caught.value.message
        assert text[16:] not in caught.value.message


def test_who_lacks_the_text_of_an_expired_key_is_not_told_of_it() -> None:
    expired = mint(secrets.token_bytes)
    book = book_with(key_of(expired, expires_ms=NOW_MS))
    made_up = mint(lambda count: bytes(8) if count == 8 else bytes(count))
    body = f"hg_{expired.id}_{made_up.text.reveal()[16:49]}"
    with pytest.raises(InvalidKey, match="unknown") as caught:
        book.authenticate((body + check_digits(body)).encode(), NOW_MS)
    assert "expired" not in caught.value.message


def test_the_id_of_another_key_does_not_help() -> None:
    victim = mint(secrets.token_bytes)
    book = book_with(key_of(victim))
    # An attacker knows the id, which is public, and can compute check digits.
    made_up = mint(lambda count: bytes(8) if count == 8 else bytes(count))
    body = f"hg_{victim.id}_{made_up.text.reveal()[16:49]}"
    with pytest.raises(InvalidKey, match="unknown"):
        book.authenticate((body + check_digits(body)).encode(), NOW_MS)


def test_changes_apply_once_and_in_order() -> None:
    minted = mint(secrets.token_bytes)
    book = book_with(key_of(minted))
    book.apply([KeyChange(id=minted.id, seq=5, key=None)])
    book.apply([KeyChange(id=minted.id, seq=1, key=key_of(minted))])
    assert book.seq == 5
    assert book.get(minted.id) is None
    with pytest.raises(InvalidKey, match="revoked"):
        book.authenticate(minted.text.reveal().encode(), NOW_MS)


def test_a_changed_key_takes_the_place_of_the_old() -> None:
    one, two = mint(secrets.token_bytes), mint(secrets.token_bytes)
    book = book_with(admin_key("the-first-admin-key-text", now_ms=0))
    book.apply([KeyChange(id="admin", seq=2, key=admin_key("the-second-admin-key-text", now_ms=0))])
    assert book.authenticate(b"the-second-admin-key-text", NOW_MS).id == "admin"
    with pytest.raises(InvalidKey):
        book.authenticate(b"the-first-admin-key-text", NOW_MS)
    book.replace([key_of(one)], seq=1)
    assert (len(book), book.seq) == (1, 1)
    assert book.get(two.id) is None


def test_contact_can_bring_a_sequence_along() -> None:
    book = book_with(admin_key("the-first-admin-key-text", now_ms=0))
    book.contacted(NOW_MS, 9)
    book.contacted(NOW_MS, 4)
    assert (book.seq, book.stale_ms(NOW_MS + 5)) == (9, 5)


def test_what_is_remembered_of_revoked_keys_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgate.access.book.REVOKED_MAX", 2)
    minted = [mint(secrets.token_bytes) for _ in range(3)]
    book = book_with()
    book.apply(KeyChange(id=each.id, seq=seq, key=None) for seq, each in enumerate(minted, start=1))
    for each, words in zip(minted, ["unknown", "revoked", "revoked"], strict=True):
        with pytest.raises(InvalidKey, match=words):
            book.authenticate(each.text.reveal().encode(), NOW_MS)


def test_an_older_copy_on_disk_never_replaces_what_is_known(tmp_path: Path) -> None:
    minted = mint(secrets.token_bytes)
    book_with(key_of(minted)).save(tmp_path / "access.json")
    current = book_with(admin_key("the-first-admin-key-text", now_ms=0))
    assert not current.load(tmp_path / "access.json", NOW_MS)
    assert current.get(minted.id) is None


def test_without_contact_for_too_long_every_key_is_refused() -> None:
    minted = mint(secrets.token_bytes)
    book = book_with(key_of(minted))
    text = minted.text.reveal().encode()
    assert book.authenticate(text, NOW_MS + MAX_STALE_MS).id == minted.id
    with pytest.raises(Unavailable, match="last reached 300 s ago"):
        book.authenticate(text, NOW_MS + MAX_STALE_MS + 1)
    book.contacted(NOW_MS + MAX_STALE_MS)
    assert book.authenticate(text, NOW_MS + MAX_STALE_MS + 1).id == minted.id


def test_before_the_first_load_every_key_is_refused() -> None:
    with pytest.raises(Unavailable, match="not loaded yet"):
        AccessBook().authenticate(b"hg_", NOW_MS)


def test_the_copy_on_disk_serves_after_a_restart_but_gains_no_time(tmp_path: Path) -> None:
    minted, revoked = mint(secrets.token_bytes), mint(secrets.token_bytes)
    book = book_with(key_of(minted), key_of(revoked))
    book.apply([KeyChange(id=revoked.id, seq=3, key=None)])
    path = tmp_path / "access.json"
    book.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert minted.text.reveal().encode() not in path.read_bytes()
    assert [entry.name for entry in tmp_path.iterdir()] == ["access.json"]

    later = AccessBook()
    assert later.load(path, NOW_MS + 1000)
    assert later.seq == 3
    assert later.authenticate(minted.text.reveal().encode(), NOW_MS + 1000).id == minted.id
    with pytest.raises(InvalidKey, match="revoked"):
        later.authenticate(revoked.text.reveal().encode(), NOW_MS + 1000)
    with pytest.raises(Unavailable):
        later.authenticate(minted.text.reveal().encode(), NOW_MS + MAX_STALE_MS + 1)


def test_a_copy_on_disk_that_is_damaged_or_missing_is_left_alone(tmp_path: Path) -> None:
    book = AccessBook()
    assert not book.load(tmp_path / "none.json", NOW_MS)
    (tmp_path / "bad.json").write_bytes(b'{"seq": ')
    assert not book.load(tmp_path / "bad.json", NOW_MS)
    book.save(tmp_path / "never.json")
    assert not (tmp_path / "never.json").exists()


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ([(b"authorization", b"Bearer the-key")], b""),
        ([(b"authorization", b"bearer   the-key ")], b""),
        ([(b"x-api-key", b"the-key")], b""),
        ([(b"x-goog-api-key", b"the-key")], b""),
        ([], b"alt=sse&key=the-key"),
        ([(b"x-api-key", b"the-key"), (b"authorization", b"Bearer the-key")], b"key=the%2Dkey"),
        ([(b"authorization", b"Bearer "), (b"x-api-key", b"the-key")], b"monkey=no"),
    ],
)
def test_a_credential_is_found_where_sdks_put_it(headers: list[tuple[bytes, bytes]], query: bytes) -> None:
    assert present(headers, query) == b"the-key"


@pytest.mark.parametrize(
    ("headers", "query", "words"),
    [
        ([], b"", "no key was sent"),
        ([(b"authorization", b"")], b"key=", "no key was sent"),
        ([(b"authorization", b"Bearer one"), (b"x-api-key", b"two")], b"", "two different keys"),
        ([(b"x-api-key", b"one")], b"key=two", "two different keys"),
        ([], b"key=one&key=two", "two different keys"),
        ([(b"authorization", b"Bearer one"), (b"authorization", b"Bearer one")], b"", "sent twice"),
        ([(b"authorization", b"Basic b25lOnR3bw==")], b"", "another scheme"),
        ([(b"x-api-key", b"k" * 513)], b"", "more than 512 bytes"),
    ],
)
def test_a_credential_that_is_missing_or_in_doubt_is_refused(
    headers: list[tuple[bytes, bytes]], query: bytes, words: str
) -> None:
    with pytest.raises(InvalidKey, match=words) as caught:
        present(headers, query)
    assert "b25lOnR3bw" not in caught.value.message
