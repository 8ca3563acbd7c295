"""`headgate prompts` for managed prompts: its commands stand beside those of prompts in code.

Read next: `prompts`, which mounts them.
"""

import typer

app = typer.Typer()
