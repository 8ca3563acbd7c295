import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.access.vault import PREFIX, Vault, is_sealed
from headgate.core.faults import Misconfigured
from headgate.core.secret import Secret

KEY = Secret("a key of the deployment, long enough")
TEXT = "whsec_0123456789abcdef"


@given(st.text(min_size=1))
def test_what_was_sealed_opens_again(text: str):
    assert Vault(KEY).open(Vault(KEY).seal(Secret(text), "p"), "p").reveal() == text


def test_sealed_text_shows_nothing_and_never_repeats():
    vault = Vault(KEY)
    one, other = vault.seal(Secret(TEXT), "p"), vault.seal(Secret(TEXT), "p")
    assert one != other
    assert is_sealed(one) and not is_sealed(TEXT)
    packed = base64.urlsafe_b64decode(one.rpartition(":")[2])
    for hidden in (TEXT, KEY.reveal()):
        assert hidden not in one
        assert hidden.encode() not in packed


def test_another_key_another_purpose_and_every_flipped_bit_are_refused():
    vault = Vault(KEY)
    sealed = vault.seal(Secret(TEXT), "webhook 1")
    with pytest.raises(Misconfigured, match="another key"):
        Vault.random().open(sealed, "webhook 1")
    with pytest.raises(Misconfigured, match="another key"):
        vault.open(TEXT, "webhook 1")
    with pytest.raises(Misconfigured, match="damaged"):
        vault.open(sealed, "webhook 2")
    head, _, text = sealed.rpartition(":")
    packed = base64.urlsafe_b64decode(text)
    for place in range(len(packed)):
        flipped = bytearray(packed)
        flipped[place] ^= 1
        with pytest.raises(Misconfigured, match="damaged"):
            vault.open(f"{head}:{base64.urlsafe_b64encode(flipped).decode()}", "webhook 1")
    for broken in ("", "A", "not base64!", text[:40]):
        with pytest.raises(Misconfigured):
            vault.open(f"{head}:{broken}", "webhook 1")
    assert sealed.startswith(PREFIX)
