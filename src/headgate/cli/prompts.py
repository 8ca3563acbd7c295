"""`headgate prompts`: the prompts that stand in code, as a scan finds them and as traffic shows them.

Commands of managed prompts stand in `managed` and go by the same noun. Read next: `scan`, `managed`.
"""

import typer

from headgate.cli import managed, scan

app = typer.Typer(no_args_is_help=True, help="See the prompts that stand in code, and the managed ones.")

app.command("scan")(scan.scan)
app.add_typer(managed.app)
