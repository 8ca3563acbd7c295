"""`headgate up`: the one command that runs the server, on this machine. Loads it only when it runs."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from headgate.cli.failure import CommandFailed
from headgate.settings import Settings


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """What `up` serves from and on."""

    config: Annotated[
        Path | None, typer.Option(help="The configuration file; by default headgate.toml, if there is one.")
    ] = None
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 4400
    workers: Annotated[int, typer.Option(help="How many gateway processes.", min=1, max=256)] = 1
    data: Annotated[Path | None, typer.Option(help="The data folder: database, journal, admin key.")] = None
    database_url: Annotated[
        str | None, typer.Option(help="Your PostgreSQL; left out, an embedded one in the data folder.")
    ] = None
    tls_cert: Annotated[Path | None, typer.Option(help="The certificate chain (PEM) for HTTPS.")] = None
    tls_key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None


def start(where: Where) -> int:
    """Run the server until a signal ends it; return the exit status."""
    try:
        from headgate.main.up import up
        from headgate.processes.spec import UpOptions
    except ModuleNotFoundError as error:
        raise CommandFailed(
            f"the server's packages are not installed ({error.name} is missing)",
            "pip install 'headgate[server]'",
        ) from error
    settings = Settings.from_environment()
    config = where.config or settings.config_file
    if config is None and Path("headgate.toml").exists():
        config = Path("headgate.toml")
    database_url = where.database_url
    if database_url is None and settings.database_url is not None:
        database_url = settings.database_url.reveal()
    return up(
        UpOptions(
            data_dir=str(where.data or settings.data_folder),
            config_path=None if config is None else str(config.resolve()),
            host=where.host,
            port=where.port,
            workers=where.workers,
            database_url=database_url,
            tls_cert=None if where.tls_cert is None else str(where.tls_cert.resolve()),
            tls_key=None if where.tls_key is None else str(where.tls_key.resolve()),
        )
    )
