"""`headgate import`: another gateway's configuration as a headgate.toml. Read next: `litellm`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from headgate.cli.command import locally
from headgate.cli.failure import CommandFailed
from headgate.cli.litellm import convert
from headgate.cli.output import Output

app = typer.Typer(no_args_is_help=True, help="Turn another gateway's configuration into a headgate.toml.")


@app.callback()
def importing() -> None:
    """Turn another gateway's configuration into a headgate.toml."""


@app.command("litellm")
@locally
def litellm(out: Output, config: Annotated[Path, typer.Argument(help="LiteLLM's config.yaml.")]) -> None:
    """Print a headgate.toml for LiteLLM's file, and say what could not be carried over."""
    converted = convert(_read_yaml(config))
    if out.as_json:
        out.json({"toml": converted.toml, "not_carried": converted.left})
        return
    out.text(converted.toml)
    for line in converted.left:
        out.say(f"not carried: {line}")


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise CommandFailed("PyYAML is not installed", "pip install 'headgate[server]'") from error
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandFailed(
            f"{path} can't be read ({error.strerror})", "name LiteLLM's config.yaml as the argument"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = str(error).replace("\n", " ")
        raise CommandFailed(
            f"{path} is no YAML: {place}", "correct the file, then import it again"
        ) from error
    if not isinstance(found, dict):
        raise CommandFailed(
            f"{path} holds no table of settings", "name LiteLLM's config.yaml as the argument"
        )
    return found  # pyright: ignore[reportUnknownVariableType]
