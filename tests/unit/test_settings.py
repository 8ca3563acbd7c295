"""The environment is read once, and none of its secrets shows."""

import copy
import json
import pickle
from pathlib import Path

import msgspec
import pytest

from headgate.core.faults import Misconfigured
from headgate.core.secret import Secret, mask_secret
from headgate.settings import DEFAULT_URL, VARIABLES, Settings

CANARY = "canary-3f9a-do-not-show"


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = Settings.from_environment({})
    assert settings == Settings()
    assert (settings.url, settings.data_folder, settings.config_file) == (
        DEFAULT_URL,
        Path(".headgate"),
        None,
    )


def test_every_variable_is_read() -> None:
    environ = {
        "HEADGATE_ADMIN_KEY": "a" * 24,
        "HEADGATE_DATABASE_URL": "postgresql://u:p@db.test/headgate",
        "HEADGATE_DATA": "/srv/headgate",
        "HEADGATE_CONFIG": "/etc/headgate.toml",
        "HEADGATE_URL": "https://gate.test/",
        "HEADGATE_KEY": "hg_x",
        "HEADGATE_SERVER": "uvicorn",
        "OPENAI_API_KEY": "sk-test",
        "EMPTY": " ",
    }
    settings = Settings.from_environment(environ)
    assert settings.admin_key == Secret("a" * 24)
    assert settings.database_url == Secret("postgresql://u:p@db.test/headgate")
    assert (settings.data_folder, settings.config_file) == (Path("/srv/headgate"), Path("/etc/headgate.toml"))
    assert (settings.url, settings.key) == ("https://gate.test", Secret("hg_x"))
    assert settings.server == "uvicorn"
    assert settings.environment()["OPENAI_API_KEY"] == "sk-test"
    assert "EMPTY" not in settings.environment()


def test_no_secret_of_the_environment_shows() -> None:
    names = ["HEADGATE_ADMIN_KEY", "HEADGATE_DATABASE_URL", "HEADGATE_KEY", "HTTP_PROXY", "OPENAI_API_KEY"]
    settings = Settings.from_environment(dict.fromkeys(names, CANARY + "-padding"))
    assert CANARY not in f"{settings} {settings!r}"


def test_an_admin_key_that_is_too_short_is_refused_without_showing_it() -> None:
    with pytest.raises(Misconfigured, match="HEADGATE_ADMIN_KEY has 23 characters") as caught:
        Settings.from_environment({"HEADGATE_ADMIN_KEY": CANARY})
    assert CANARY not in caught.value.message


def test_a_server_that_is_unknown_is_refused() -> None:
    with pytest.raises(Misconfigured, match="HEADGATE_SERVER is 'apache'; set it to own or uvicorn"):
        Settings.from_environment({"HEADGATE_SERVER": "apache"})


def test_each_variable_is_described_once() -> None:
    names = [variable.name for variable in VARIABLES]
    assert len(set(names)) == len(names)
    assert all(variable.text.endswith(".") for variable in VARIABLES)
    fields = {field.name for field in msgspec.structs.fields(Settings)}
    assert {variable.field for variable in VARIABLES} == fields


def test_a_secret_shows_in_no_way_but_one() -> None:
    secret = Secret(CANARY)
    assert secret.reveal() == CANARY
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>10}",
        f"{[secret]} {secret:>5}",
        f"{(secret,)}",
    ]
    assert not any(CANARY in text for text in shown)
    assert str(secret) == "***"
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(secret)
    with pytest.raises(TypeError, match="never pickled"):
        copy.deepcopy(secret)
    assert msgspec.json.encode({"key": secret}, enc_hook=mask_secret) == b'{"key":"***"}'
    with pytest.raises(NotImplementedError):
        msgspec.json.encode(object(), enc_hook=mask_secret)
    assert not hasattr(secret, "__dict__")


def test_secrets_compare_by_their_text() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("a").matches("a") and not Secret("a").matches("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")
