"""Who says whether structured answers are held to their schema: the alias, else the server, else nobody."""

import pytest

from headgate.config.compile import compile_file, resolve_alias
from headgate.core.faults import Misconfigured

PROVIDER = '[providers.p]\nkind = "mock"\n'
ALIAS = '[models.a]\ntargets = ["p/m"]\n'
SERVER = '[server]\nstructured_output = "repaired"\n'


def said(text: str, name: str) -> str | None:
    alias = resolve_alias(compile_file(PROVIDER + text), name)
    assert alias is not None
    return alias.structured_output


def test_the_alias_wins_over_the_server_and_nobody_need_say_it() -> None:
    assert said(ALIAS, "a") is None
    assert said(ALIAS, "p/other") is None
    assert said(ALIAS + SERVER, "a") == said(ALIAS + SERVER, "p/other") == "repaired"
    assert said(ALIAS + 'structured_output = "trusted"\n' + SERVER, "a") == "trusted"


def test_only_three_words_say_it() -> None:
    with pytest.raises(Misconfigured, match="structured_output"):
        compile_file(PROVIDER + ALIAS + 'structured_output = "checked"\n')
