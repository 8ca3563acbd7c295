"""Prompts in files that are no code: Jinja, Mustache, `.prompt`, Markdown, YAML and TOML.

Pure: takes the text of a file; raises Unreadable with the line where it is no such thing.
Read next: `scanning`.
"""

import itertools
import re
import tomllib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple, cast

import yaml

from headgate.prompts import notations
from headgate.prompts.likeness import Surroundings, is_fragment, is_prompt, judge, words_in
from headgate.prompts.model import Found, Part, Template

JINJA = {".jinja", ".jinja2", ".j2"}
MUSTACHE = {".mustache", ".handlebars", ".hbs"}
PROMPT = {".prompt", ".prompty"}
PLAIN = {".md", ".txt"}
VALUES = {".yaml", ".yml", ".toml"}
READ = JINJA | MUSTACHE | PROMPT | PLAIN | VALUES

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C where there is one: it is ten times as fast."""

NODES_MAX = 200_000
"""More nodes than this, each counted wherever an alias stands for it, and so is one with fewer aliases."""

ALIASES_MAX = 50
"""More aliases than this and a YAML file is taken for a bomb."""

_FOLDER = re.compile(r"^(?:prompts?|instructions|system_?prompts?|prompt_?templates?)$", re.IGNORECASE)
_OTHER_FILE = re.compile(
    r"^(?:readme|license|changelog|contributing|index|code_of_conduct|security)", re.IGNORECASE
)
_HINT = re.compile(
    r"^[ \t]*(?:- +)?[\"']?[\w.-]{0,60}(?:prompt|system|instruction|template|content|persona|role|message"
    r"|rubric|goal|expected_output|few_?shot|reminder|guideline|task|example"
    r"|constraint)[\w.-]{0,60}[\"']?[ \t]{0,9}"
    r"(?::[ \t]{0,9}(?:[|>]|\S{1,200}[ \t]{1,9}\S{1,200}[ \t]{1,9}\S|$)"
    r"|=[ \t]{0,9}(?:\"\"\"|\'\'\'|\[|\S{1,200}[ \t]{1,9}\S{1,200}[ \t]{1,9}\S))"
    r"|\byou(?:r|'re)?\b|你|请",
    re.IGNORECASE | re.MULTILINE,
)
"""A file of values with no such key before a text, and no word to a reader, is not worth parsing."""

_FRONT = re.compile(r"\A---[ \t\r]*\n.*?\n---\s*\n", re.DOTALL)
_OTHER_INNER = {
    ".html",
    ".htm",
    ".xml",
    ".sql",
    ".sh",
    ".css",
    ".js",
    ".conf",
    ".service",
    ".py",
    ".toml",
    ".yml",
}
_OTHER_KEY = {
    "description",
    "summary",
    "title",
    "license",
    "run",
    "script",
    "command",
    "help",
    "readme",
    "cmd",
    "url",
}
_MESSAGE_KEY = {"content", "system", "prompt", "instructions", "template"}


class Unreadable(ValueError):
    """A file is not what its name says; `line` is 0 where that is not known."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line
        self.why = why


def prompts_in_file(text: str, path: str) -> list[Found]:
    """Return the prompts of a file that is no Python."""
    name = PurePosixPath(path)
    suffix = name.suffix.lower()
    if suffix in VALUES:
        return _values(text, path, suffix)
    if not is_of_prompts(path):
        return []
    body = _FRONT.sub("", text) if suffix in PROMPT | PLAIN else text
    template = Template.of(_parts(body, suffix))
    around = Surroundings(name=name.stem, path=path)
    if not is_fragment(template.literal):
        return []
    judgement = judge(template.literal, around, holes=len(template.holes))
    if suffix in JINJA | MUSTACHE and not (around.file_says or around.folder_says) and judgement.points < 4:
        return []
    kinds = {**dict.fromkeys(JINJA, "jinja"), **dict.fromkeys(MUSTACHE, "mustache"), ".md": "markdown"}
    line = text[: len(text) - len(body)].count("\n") + 1
    why = f"a prompt file: {', '.join(judgement.reasons) or name.name}"
    return [
        Found(
            path=path,
            symbol=name.name,
            line=line,
            template=template,
            kind=kinds.get(suffix, "prompt file"),
            why=why,
        )
    ]


def is_of_prompts(path: str) -> bool:
    """Whether a file that is neither code nor values is one of prompts, as far as its path tells."""
    name = PurePosixPath(path)
    if name.suffix.lower() in PLAIN:
        in_folder = any(_FOLDER.match(folder) for folder in name.parts[:-1])
        return (
            in_folder or re.search(r"prompt", name.stem, re.IGNORECASE) is not None
        ) and not _OTHER_FILE.match(name.name)
    return PurePosixPath(name.stem).suffix.lower() not in _OTHER_INNER


def _parts(text: str, suffix: str) -> list[Part]:
    if suffix in JINJA:
        return notations.jinja(text)
    if suffix in MUSTACHE:
        return notations.mustache(text)
    return notations.guessed(text)


class _Value(NamedTuple):
    """A text in a file of values: its place, its key, and whether it is a prompt whatever it says."""

    symbol: str
    key: str
    text: str
    line: int
    certain: bool = False


_OF_AGENTS = (
    frozenset({"role", "goal", "backstory"}),
    frozenset({"role", "goal"}),
    frozenset({"description", "expected_output"}),
)
"""Keys that stand together in files of agents and their tasks: each is told to the model."""


def _values(text: str, path: str, suffix: str) -> list[Found]:
    if "\n" not in text or PurePosixPath(path).parts[0] in (".github", ".circleci"):
        return []
    place = Surroundings(name="", path=path)
    if not (place.file_says or place.folder_says) and _HINT.search(text) is None:
        return []
    found: list[Found] = []
    for symbol, key, value, line, certain in _toml(text) if suffix == ".toml" else _yaml(text):
        around = Surroundings(name=key, path=path)
        template = Template.of(notations.guessed(value))
        literal = template.literal
        if (key in _OTHER_KEY and not certain) or words_in(literal) < (2 if certain else 3):
            continue
        judgement = judge(literal, around, holes=len(template.holes))
        if (key in _MESSAGE_KEY and judgement.points >= 3) or certain:
            pass
        elif not is_prompt(judgement, literal, around, is_constant=True):
            continue
        kind = suffix.removeprefix(".").replace("yml", "yaml")
        why = "of an agent" if certain else f"looks like a prompt: {', '.join(judgement.reasons)}"
        found.append(Found(path=path, symbol=symbol, line=line, template=template, kind=kind, why=why))
    return found


def _toml(text: str) -> Iterator[_Value]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"line (\d+)", str(error))
        raise Unreadable(int(match[1]) if match else 0, f"no TOML: {error}") from error
    except ValueError as error:  # a number of thousands of digits
        raise Unreadable(0, f"no TOML: {error}") from error
    for symbol, key, value in _strings(document, "", ""):
        first = next((line for line in value.splitlines() if line.strip()), value)
        # The value stands in the file as it is, but for escapes: then its line is not known.
        at = text.find(first)
        yield _Value(symbol, key, value, text.count("\n", 0, at) + 1 if at >= 0 else 0)


def _strings(value: object, symbol: str, key: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, str):
        yield symbol, key, value
    elif isinstance(value, dict):
        for name, inner in cast("dict[str, Any]", value).items():
            yield from _strings(inner, f"{symbol}.{name}" if symbol else name, name)
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[Any]", value)):
            yield from _strings(inner, f"{symbol}[{index}]", key)


def _yaml(text: str) -> Iterator[_Value]:
    if len(re.findall(r"(?m)(?:^|[\s\[,:-])\*\w", text)) > ALIASES_MAX and len(re.findall(r"&\w", text)) > 5:
        return
    try:
        # Nodes only: nothing is constructed, so that no tag can do anything.
        documents: list[Any] = list(cast("Any", yaml).compose_all(text, Loader=LOADER))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 0
        raise Unreadable(line, f"no YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise Unreadable(0, f"no YAML: {error}") from error
    left = itertools.repeat(None, NODES_MAX)
    for document in documents:
        yield from _nodes(document, ("", ""), frozenset(), left)


def _nodes(
    node: Any, place: tuple[str, str], above: frozenset[int], left: Iterator[None], *, certain: bool = False
) -> Iterator[_Value]:
    """Yield the texts below a node of that symbol and key, as long as there is something in `left`."""
    if node is None or id(node) in above:
        return
    if next(left, True):
        raise Unreadable(0, f"more than {NODES_MAX:,} values, with those that aliases stand for")
    symbol, key = place
    above = above | {id(node)}
    if isinstance(node, yaml.ScalarNode):
        if node.tag == "tag:yaml.org,2002:str":
            yield _Value(symbol, key, str(node.value), node.start_mark.line + 1, certain)
    elif isinstance(node, yaml.SequenceNode):
        for index, inner in enumerate(node.value):
            yield from _nodes(inner, (f"{symbol}[{index}]", key), above, left)
    elif isinstance(node, yaml.MappingNode):
        labels = [str(name.value) if isinstance(name, yaml.ScalarNode) else "?" for name, _ in node.value]
        of_agent = next((keys for keys in _OF_AGENTS if keys <= set(labels)), frozenset[str]())
        for label, (_, inner) in zip(labels, node.value, strict=True):
            at = f"{symbol}.{label}" if symbol else label
            yield from _nodes(inner, (at, label), above, left, certain=label in of_agent)
