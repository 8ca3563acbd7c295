"""What a start prints on standard output: where it is, the first admin key, and a line to paste."""

import shlex
from pathlib import Path

from headgate.processes.folder import ADMIN_KEY_NAME
from headgate.processes.spec import Prepared, UpOptions

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104 (what to show for it)


def base_url(options: UpOptions, port: int) -> str:
    """Return the address that a client on this machine uses."""
    host = _EVERYWHERE.get(options.host, f"[{options.host}]" if ":" in options.host else options.host)
    return f"{'https' if options.tls_cert else 'http'}://{host}:{port}"


def banner(options: UpOptions, prepared: Prepared, port: int) -> str:
    """Write the text that a start shows once everything serves."""
    url = base_url(options, port)
    key_file = Path(options.data_dir) / ADMIN_KEY_NAME
    if prepared.minted_admin_key is not None:
        key_line = f"{prepared.minted_admin_key}  (also in {key_file}; shown this once)"
    elif key_file.exists():
        key_line = f"in {key_file}"
    else:
        key_line = "the one you set in HEADGATE_ADMIN_KEY"
    has_file = prepared.minted_admin_key is not None or key_file.exists()
    bearer = f"$(cat {shlex.quote(str(key_file))})" if has_file else "$HEADGATE_ADMIN_KEY"
    body = f'{{"model": "{prepared.example_model}", "messages": [{{"role": "user", "content": "Hello"}}]}}'
    return "\n".join(
        (
            "",
            "Headgate is up.",
            "",
            f"  base URL   {url}/v1   (OpenAI; Anthropic and Google clients: {url})",
            f"  console    {url}/",
            f"  admin key  {key_line}",
            "",
            "Try it:",
            "",
            f'  curl -s {url}/v1/chat/completions -H "Authorization: Bearer {bearer}" '
            f"-H 'Content-Type: application/json' -d '{body}'",
            "",
        )
    )
