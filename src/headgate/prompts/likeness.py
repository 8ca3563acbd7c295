"""Whether a text looks like a prompt: a score from its words, its shape and the names around it.

Pure; knows nothing of data flow. What reaches a model call needs less: `is_fragment`. Read next: `modules`.
"""

import re
from pathlib import PurePosixPath

import msgspec

LETTERS_MIN = 12
NAMED_MIN = 3
"""Points that a text needs whose name or file says prompt."""
UNNAMED_MIN = 5
"""Points that any other text needs."""

_NAME = re.compile(
    r"prompt|system(?:_|$)|instruction|(?:^|_)sys(?:_|$)|template$|reminder|persona|(?:^|_)role(?:_|$)"
    r"|few_?shot|rubric|(?:^|_)msg(?:_|$)|(?:^|_)task(?:_|$)|guideline|constraint|(?:^|_)example",
    re.IGNORECASE,
)
_NO_PROMPT_NAME = re.compile(
    r"(?:^|_)(?:regex|pattern|url|path|sql|html|css|query_string|help|usage|error|err|warning|description|desc"
    r"|title|label|license|header|endpoint|filename|version|doc|docs|log|banner|tooltip|placeholder|color|style)$",
    re.IGNORECASE,
)
_FILE = re.compile(r"prompt|instruction", re.IGNORECASE)

_OF_PROMPTS = re.compile(r"prompts?$|instructions$", re.IGNORECASE)

_ROLE = re.compile(
    r"\b(?:you are|you're|you will be|your (?:task|job|role|goal|objective)|act as|behave as"
    r"|as an? (?:ai|expert)|you(?:'ll| will) (?:be given|receive)|you have access|(?:i|we) want you to)\b"
    r"|你是|你的任务|你需要|作为一个|请你|あなたは",
    re.IGNORECASE,
)
_IMPERATIVE = re.compile(
    r"(?:^|[.:!?\n。]\s*|[-*\d.)#]\s+|\*\*)(?:please\s+|then\s+|now,?\s+)?"
    r"(?:return|respond|reply|answer|write|generate|given|use|using|do not|don't|ensure|provide|analy[sz]e"
    r"|summari[sz]e|extract|create|identify|output|never|always|only|make sure|consider|classify|translate"
    r"|rewrite|rank|evaluate|determine|follow|include|avoid|describe|explain|list|select|choose|think|keep|review|read"
    r"|convert|produce|compare|decide|score|rate|imagine|suppose|based on|focus|be concise|limit|improve"
    r"|must|should|assume|note that|remember|i am|i'm|here (?:are|is)|this is|these are|solve|design"
    r"|implement|complete|fill|format|propose|find|fix|refine|research|ask|take|describe)\b",
    re.IGNORECASE,
)
_CJK_IMPERATIVE = re.compile(r"请|必须|不要|根据|输出|返回|生成|确保|以下|注意")
_WORD = re.compile(r"[^\W\d_]{2,}")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_TALK = re.compile(
    r"\b(?:assistant|user(?:'s)?|question|answer|context|json|markdown|output format|examples?|instructions?"
    r"|steps?|conversation|query|document|summary|response|task|tools?|language|guidelines?|requirements?|xml)\b",
    re.IGNORECASE,
)
_SECOND = re.compile(r"\b(?:you|your|yourself)\b|你|您", re.IGNORECASE)
_MARKUP = re.compile(
    r"^(?:#{1,4} |-{3,}|\d+[.)] |[-*] |={3,}|<[a-z_]+>$|```|[A-Z][\w /]{2,40}:\s*$|[A-Z][A-Z ]{3,}:)",
    re.MULTILINE,
)

_OTHER = (
    ("SQL", re.compile(
        r"^\s*(?:--.*\n\s*)*(?:SELECT\s|INSERT\s+(?:INTO|OR)|UPDATE\s+\S+\s+SET|DELETE\s+FROM|CREATE\s+(?:TABLE"
        r"|INDEX|UNIQUE|EXTENSION|VIEW|VECTOR|OR\s|FULLTEXT|CONSTRAINT|SCHEMA|DATABASE|MATERIALIZED)|ALTER\s+TABLE"
        r"|DROP\s+(?:TABLE|INDEX)|PRAGMA\s|WITH\s+\w+\s+AS\s*\(|BEGIN;|COPY\s)"
    )),
    ("a graph query", re.compile(
        r"^\s*(?:MATCH|MERGE|UNWIND|OPTIONAL MATCH|CALL)\s*[\s({]|\bMATCH\s*\(.*\bRETURN\b", re.DOTALL)),
    ("markup", re.compile(
        r"^\s*(?:<!DOCTYPE|<\?xml|<html|<head|<div|<style|<svg|<script"
        r"|<p>|<p |<table|<a |<br|<img|<span|<link|<h\d)",
        re.IGNORECASE)),
    ("a licence", re.compile(r"Licensed under the|Permission is hereby granted|Copyright \(c\)|SPDX-")),
    ("usage", re.compile(r"^\s*usage:", re.IGNORECASE)),
    ("a regular expression", re.compile(r"\(\?[P:=!<]|\\[bdswSWD][+*\\)\]]|\[\^[^\]]+\][+*]")),
    ("a URL or path", re.compile(r"^\s*(?:\w+://|/|\./|~/)\S*\s*$")),
    ("code", re.compile(
        r"^\s*(?:#!/|import \w+\s*$|from [\w.]+ import |def \w+\(|class \w+[(:]|async def |@\w+\s*$"
        r"|package \w+;?$|function \w*\(|const \w+ =|#include|FROM \w+[:/]|\$\w+ =)", re.MULTILINE)),
    ("a diagram", re.compile(
        r"^\s*(?:graph (?:TD|LR|TB)|sequenceDiagram|classDiagram|flowchart|digraph|quadrantChart|erD)")),
    ("a style sheet", re.compile(r"^\s*[.#@]?[\w-]+(?:[ ,.#:>\w-]*)\{\s*[\w-]+\s*:[^}]*;\s*", re.MULTILINE)),
    ("data", re.compile(r"^\s*[\[{]\s*(?:\"|'|\{|\[)[^.?!]*$", re.DOTALL)),
    ("a date format", re.compile(r"^[%\-:/.,\sa-zA-Z]*%[YmdHMS][%\-:/.,\sa-zA-Z]*$")),
)  # fmt: skip
"""What a text may be instead, by how it begins or what it holds; code counts only at the beginning."""


_WHATEVER_IT_SAYS = ("SQL", "a graph query", "markup", "usage", "a URL or path")
"""Kinds that hold even where a text speaks to the model."""

_MAY_BE_EXAMPLES = ("code", "data", "markup", "a diagram")


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The points of a text, and what gave them."""

    points: int
    reasons: tuple[str, ...] = ()


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around a text: the name that it is bound to, and its file."""

    name: str
    path: str

    @property
    def name_says(self) -> bool:
        """Whether the name is that of a prompt."""
        return _NAME.search(self.name) is not None and _NO_PROMPT_NAME.search(self.name) is None

    @property
    def is_of_prompts(self) -> bool:
        """Whether the file itself says that it holds prompts and hardly anything else."""
        path = PurePosixPath(self.path)
        return _OF_PROMPTS.search(path.stem) is not None or any(
            folder.lower() in ("prompt", "prompts") for folder in path.parts[-3:-1]
        )

    @property
    def file_says(self) -> bool:
        """Whether the file, or the folder that it is in, is of prompts."""
        return any(_FILE.search(part) for part in PurePosixPath(self.path).parts[-2:])


def words_in(text: str) -> int:
    """Count words; two Chinese, Japanese or Korean characters are one."""
    return len(_WORD.findall(text)) + len(_CJK.findall(text)) // 2


def other_kind(text: str) -> str | None:
    """Say what a text is that is no prompt, as far as its shape tells; None where it may be one."""
    speaks = _ROLE.search(text[:2000]) is not None
    for what, pattern in _OTHER:
        if speaks and what not in _WHATEVER_IT_SAYS:
            continue
        if what == "code":
            head = text.lstrip()[:200]
            if pattern.match(head) is not None:
                return what
        elif pattern.search(text) is not None and not (
            what == "a regular expression" and words_in(text) > 30
        ):
            return what
    return None


def is_fragment(text: str, *, kinds: tuple[str, ...] = ()) -> bool:
    """Whether a text that reaches a model call says enough to be found: a few words, and no other kind.

    `kinds` may be prompts here: an example in a file of prompts is often code or data.
    """
    is_sentence = len(text.split()) >= 3 or len(_CJK.findall(text)) >= LETTERS_MIN // 2
    return (
        is_sentence
        and words_in(text) >= 3
        and len(text.strip()) >= LETTERS_MIN
        and other_kind(text) in (None, *kinds)
    )


def judge(text: str, around: Surroundings, *, holes: int) -> Judgement:
    """Score a text by itself; what has another kind or hardly any words scores 0."""
    words = words_in(text)
    if words < 3 or len(text.strip()) < LETTERS_MIN or other_kind(text) is not None:
        return Judgement(points=0)
    imperatives = len(_IMPERATIVE.findall(text)) + len(_CJK_IMPERATIVE.findall(text)) // 2
    talk = len({match.lower() for match in _TALK.findall(text)})
    no_prompt_name = _NO_PROMPT_NAME.search(around.name) is not None
    given = (
        (3, "speaks to the model", _ROLE.search(text) is not None),
        (2, f"name `{around.name}`", around.name_says),
        (2, "its file's name", around.file_says),
        (min(imperatives, 2), "gives instructions", imperatives > 0),
        (1, "speaks of answers and documents", talk >= 2),
        (1, "says you", _SECOND.search(text) is not None),
        (1, "has holes", holes > 0),
        (1, "is long", words >= 40),
        (1, "is very long", words >= 120),
        (1, "has sections", len(_MARKUP.findall(text)) >= 2),
        (-2, "its name", no_prompt_name),
    )
    reasons = tuple(reason for points, reason, holds in given if holds and points > 0)
    return Judgement(points=sum(points for points, _, holds in given if holds), reasons=reasons)


def is_prompt(judgement: Judgement, text: str, around: Surroundings, *, is_constant: bool) -> bool:
    """Whether the points suffice, given what names say; `is_constant`: bound in no function."""
    if is_constant and around.is_of_prompts:
        return is_fragment(text, kinds=_MAY_BE_EXAMPLES)
    if around.name_says and around.file_says:
        return judgement.points >= NAMED_MIN
    if around.name_says or around.file_says:
        return judgement.points >= NAMED_MIN + 1 or (around.file_says and judgement.points >= NAMED_MIN)
    return judgement.points >= UNNAMED_MIN and words_in(text) >= 10
