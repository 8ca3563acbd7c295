"""The environment, read once: the only module that knows which variables mean something.

Never writes the environment and never reads a file. Read next: `config.secrets` and `http1.proxies`, which
take what they need from `Settings.environment`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast, get_args

import msgspec

from headgate.core.faults import Misconfigured
from headgate.core.secret import Secret

OWN_KEY_CHARACTERS_MIN = 24

DEFAULT_URL = "http://127.0.0.1:4400"

ServerName = Literal["own", "uvicorn"]


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """One environment variable, as the reference lists it."""

    name: str
    field: str
    default: str
    text: str


VARIABLES: tuple[Variable, ...] = (
    Variable(
        name="HEADGATE_ADMIN_KEY",
        field="admin_key",
        default="made at the first start and kept in DIR/admin.key",
        text="The admin key: any text of 24 characters or more.",
    ),
    Variable(
        name="HEADGATE_DATABASE_URL",
        field="database_url",
        default="the embedded PostgreSQL in the data folder",
        text="The PostgreSQL to use, as `postgresql://user:password@host/database`.",
    ),
    Variable(
        name="HEADGATE_VAULT_KEY",
        field="vault_key",
        default="made at the first start and kept in DIR/vault.key",
        text="What seals secrets in the database: any text of 24 characters or more, the same on all hosts.",
    ),
    Variable(
        name="HEADGATE_DATA",
        field="data_folder",
        default=".headgate in the working folder",
        text="The folder for the embedded database, the journal and the admin key.",
    ),
    Variable(
        name="HEADGATE_CONFIG",
        field="config_file",
        default="headgate.toml in the working folder, where there is one",
        text="The configuration file.",
    ),
    Variable(
        name="HEADGATE_SERVER",
        field="server",
        default="own",
        text="The HTTP server in front of the model routes: `own`, or `uvicorn`, which costs more per call.",
    ),
    Variable(
        name="HEADGATE_URL",
        field="url",
        default=DEFAULT_URL,
        text="The server that the command line and applications (`headgate.observe`) talk to.",
    ),
    Variable(
        name="HEADGATE_KEY",
        field="key",
        default="DIR/admin.key, where the command line can read it",
        text="The key that the command line and applications present.",
    ),
    Variable(
        name="HTTP_PROXY",
        field="variables",
        default="none",
        text="The proxy for calls to `http://` providers. The name in lower case wins.",
    ),
    Variable(
        name="HTTPS_PROXY",
        field="variables",
        default="none",
        text="The proxy for calls to `https://` providers. The name in lower case wins.",
    ),
    Variable(
        name="ALL_PROXY",
        field="variables",
        default="none",
        text="The proxy for calls of either scheme that has none of its own.",
    ),
    Variable(
        name="NO_PROXY",
        field="variables",
        default="none",
        text="Hosts and domain endings, separated by commas, that are reached without a proxy.",
    ),
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment says. None where it says nothing; flags of the command line win over it."""

    admin_key: Secret | None = None
    database_url: Secret | None = None
    vault_key: Secret | None = None
    data_folder: Path = Path(".headgate")
    config_file: Path | None = None
    server: ServerName = "own"
    url: str = DEFAULT_URL
    key: Secret | None = None
    variables: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the variables of `VARIABLES`; by default from the process's own environment.

        Raises Misconfigured when a key of our own is too short, or a server is unknown. A variable that is
        empty counts as unset.
        """
        source = os.environ if environ is None else environ
        present = {name: value for name, value in source.items() if value.strip()}
        config = present.get("HEADGATE_CONFIG")
        return cls(
            admin_key=_long_secret(present, "HEADGATE_ADMIN_KEY"),
            vault_key=_long_secret(present, "HEADGATE_VAULT_KEY"),
            database_url=_secret(present.get("HEADGATE_DATABASE_URL")),
            data_folder=Path(present.get("HEADGATE_DATA", ".headgate")),
            config_file=Path(config) if config else None,
            server=_server(present.get("HEADGATE_SERVER", "own")),
            url=present.get("HEADGATE_URL", DEFAULT_URL).rstrip("/"),
            key=_secret(present.get("HEADGATE_KEY")),
            variables=present,
        )

    def environment(self) -> Mapping[str, str]:
        """Return all variables that were set: for `env:NAME`, for finding provider keys, and for proxies."""
        return MappingProxyType(dict(self.variables))

    def __repr__(self) -> str:
        # The variables hold provider keys, so they never show.
        return (
            f"Settings(data_folder={str(self.data_folder)!r}, config_file={self.config_file!r}, "
            f"url={self.url!r}, admin_key={self.admin_key}, database_url={self.database_url}, "
            f"key={self.key}, vault_key={self.vault_key})"
        )


def _server(text: str) -> ServerName:
    names = get_args(ServerName)
    if text not in names:
        raise Misconfigured(f"HEADGATE_SERVER is {text!r}; set it to {' or '.join(names)}, or not at all")
    return cast("ServerName", text)


def _secret(text: str | None) -> Secret | None:
    return Secret(text.strip()) if text else None


def _long_secret(present: Mapping[str, str], name: str) -> Secret | None:
    secret = _secret(present.get(name))
    if secret is not None and len(secret.reveal()) < OWN_KEY_CHARACTERS_MIN:
        raise Misconfigured(
            f"{name} has {len(secret.reveal())} characters; it needs "
            f"{OWN_KEY_CHARACTERS_MIN} or more. Make one with `openssl rand -hex 24`."
        )
    return secret
