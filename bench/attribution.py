"""How much of what open-source programs send can be attributed, byte for byte.

`python -m bench.attribution [--programs FOLDER] [NAME ...]`: installs each program into an environment of
its own (below FOLDER, kept for the next run), scans its installed source for prompts, runs it against a
Headgate with a mock provider, reads its calls from the record, and prints where the bytes of their
messages came from. Known beforehand are the user's words (variables) and the files (documents) that a
program was given. Never part of `make test`. Read next: `attribution_programs`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, cast

from demo.running import Running, headgate

from bench.attribution_programs import EMBEDDING, MODEL, PROGRAMS, Program, script_of
from headgate.prompts.matching.attribution import ORIGINS, Attribution, Message, Seen, attribute
from headgate.prompts.matching.index import Matcher
from headgate.prompts.matching.model import CatalogueVersion
from headgate.prompts.scanning import scan_tree

CONFIG = f"""
[providers.mock]
kind = "mock"

[models."{MODEL}"]
targets = ["mock/mock-large"]

[models."{EMBEDDING}"]
targets = ["mock/mock-embedding"]
"""
INSTALL_S_MAX = 900
RUN_S_MAX = 180
SETTLED_S = 1.5
CHATS = ("chat", "responses")
SCRIPT = "as_its_user.py"


def install(program: Program, folder: Path) -> Path:
    """Return the folder of a program's environment, made where it is not there yet."""
    environment = folder / program.name
    if not (environment / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        command = [environment / "bin" / "pip", "install", "-q", *program.requirements]
        subprocess.run(command, check=True, timeout=INSTALL_S_MAX)
        (environment / "installed").touch()
    return environment


def catalogue_of(program: Program, environment: Path) -> list[CatalogueVersion]:
    """The prompts in a program's installed source."""
    (packages,) = environment.glob("lib/python*/site-packages")
    return [
        CatalogueVersion(
            source=program.name,
            path=f"{package}/{found.path}",
            symbol=found.symbol,
            version=found.template.version,
            template=found.template,
            first=0,
            last=0,
        )
        for package in program.packages
        for found in scan_tree(packages / package).prompts
    ]


def run(program: Program, environment: Path, url: str, key: str) -> None:
    """Run a program in a folder of its own, told nothing but its model's address and key."""
    with tempfile.TemporaryDirectory(prefix="program-") as place:
        for name, text in program.files.items():
            path = Path(place) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        settings = {
            "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
            "HOME": place,
            "TMPDIR": place,
            "OPENAI_API_KEY": key,
            "OPENAI_BASE_URL": f"{url}/v1",
            "OPENAI_API_BASE": f"{url}/v1",
            "API_BASE_URL": f"{url}/v1",
            **program.settings,
        }
        subprocess.run(["git", "init", "-q"], cwd=place, env=settings, check=True)
        (Path(place) / SCRIPT).write_text(script_of(program))
        commands = program.commands or (("python", SCRIPT),)
        for command in commands:
            try:
                done = subprocess.run(
                    command,
                    cwd=place,
                    env=settings,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    timeout=RUN_S_MAX,
                    check=False,
                )
                if done.returncode:
                    print(
                        f"{program.name} ended with {done.returncode}: {done.stdout[-600:]}", file=sys.stderr
                    )
            except subprocess.TimeoutExpired:
                print(f"{program.name} took longer than {RUN_S_MAX} s", file=sys.stderr)


def text_of(content: object) -> str:
    """The text of a message's content: itself, or its parts together."""
    if isinstance(content, str):
        return content
    parts = cast("list[dict[str, Any]]", content) if isinstance(content, list) else []
    return "\n".join(str(part["text"]) for part in parts if "text" in part)


def messages_of(detail: dict[str, Any]) -> list[Message]:
    """The messages of a recorded request."""
    bodies = [dict(message) for message in detail["messages"]]
    return [Message(role=str(body.get("role", "user")), text=text_of(body.get("content"))) for body in bodies]


def answer_of(response: object) -> str:
    """The text of a recorded answer, and what it asks of tools: a JSON body, or a stream of events."""
    lines = str(response).splitlines()
    events: list[object] = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    bodies = cast("list[dict[str, Any]]", [response] if isinstance(response, dict) else events)
    said: list[str] = []
    for choice in (choice for body in bodies for choice in body.get("choices", [])):
        message = cast("dict[str, Any]", choice.get("message") or choice.get("delta") or {})
        calls: list[object] = message.get("tool_calls") or []
        said += [text_of(message.get("content")), *(json.dumps(call) for call in calls)]
    return "".join(said)


def attributed(
    program: Program, matcher: Matcher, details: list[dict[str, Any]]
) -> tuple[Counter[str], list[tuple[str, str]]]:
    """Attribute the messages of all calls, in their order; return bytes by origin, and what is unknown."""
    seen = Seen()
    for words in program.words:
        seen.add_variable(words, "the user's words")
    for name, text in program.files.items():
        seen.add_document(text, name)
    counts: Counter[str] = Counter()
    unknown: list[tuple[str, str]] = []
    for detail in details:
        messages = messages_of(detail)
        attribution: Attribution = attribute(messages, matcher, seen)
        counts.update(attribution.bytes_by_origin)
        for span in attribution.spans:
            if span.origin == "unknown":
                message = messages[span.message]
                unknown.append((message.role, message.text[span.start : span.end]))
        seen.add_answer(answer_of(detail["response"]))
    return counts, unknown


def settled(house: Running, before: set[str]) -> list[dict[str, Any]]:
    """Return the records of calls since, the oldest first, once no more come."""
    items: list[dict[str, Any]] = []
    while True:
        time.sleep(SETTLED_S)
        now = [item for item in reversed(house.requests()) if item["id"] not in before]
        if len(now) == len(items):
            return now
        items = now


def measure(program: Program, folder: Path, house: Running, *, is_verbose: bool) -> None:
    """Install, scan, run and attribute one program, and print its line of the table."""
    environment = install(program, folder)
    catalogue = catalogue_of(program, environment)
    key = house.make_key(program.name)
    before = {item["id"] for item in house.requests()}
    run(program, environment, house.url, key)
    items = settled(house, before)
    details = [house.get(f"/requests/{item['id']}") for item in items]
    chats = [each for each in details if each["operation"] in CHATS and each["status"] == 200]
    counts, unknown = attributed(program, Matcher(catalogue), chats)
    total = sum(counts.values())
    shares = "  ".join(f"{counts[origin] / max(total, 1):>8.1%}" for origin in ORIGINS)
    share = 1 - counts["unknown"] / max(total, 1)
    print(
        f"{program.name:<16}{len(catalogue):>8}{len(chats):>7}{total:>9}  {shares}  {share:>9.1%}", flush=True
    )
    if is_verbose:
        for role, text in sorted(unknown, key=lambda each: -len(each[1]))[:12]:
            print(f"    unknown, {role}: {text[:400]!r}", flush=True)


def main() -> None:
    """Measure the programs that are named, or all."""
    parser = argparse.ArgumentParser(description="What of programs' input can be attributed.")
    parser.add_argument("names", nargs="*", help="which programs; all by default")
    parser.add_argument("--programs", type=Path, default=Path(".programs"), help="where they are installed")
    parser.add_argument("--verbose", action="store_true", help="show what is unknown")
    given = parser.parse_args()
    given.programs.mkdir(parents=True, exist_ok=True)
    titles = "  ".join(f"{origin:>8}" for origin in ORIGINS)
    print(f"{'program':<16}{'prompts':>8}{'calls':>7}{'bytes':>9}  {titles}  {'known':>9}")
    with headgate(CONFIG) as house:
        for program in PROGRAMS:
            if not given.names or program.name in given.names:
                measure(program, given.programs.resolve(), house, is_verbose=given.verbose)


if __name__ == "__main__":
    main()
