"""Whether a text looks like a prompt: a score from its words, its shape and the names around it.

Pure; knows nothing of data flow. What reaches a model call needs less: `is_fragment`. Read next: `modules`.
"""

import functools
import re
from pathlib import PurePosixPath

import msgspec

LETTERS_MIN = 12
TEXTS_KEPT = 8192
"""Texts whose reading is remembered: the states of a file hold mostly the same."""
NAMED_MIN = 3
"""Points that a text needs whose name or file says prompt."""
UNNAMED_MIN = 5
"""Points that any other text needs."""

_NAME = re.compile(
    r"prompt|system(?:_|$)|instruction|(?:^|_)sys(?:_|$)|template$|reminder|persona|(?:^|_)role(?:_|$)"
    r"|few_?shot|rubric|(?:^|_)(?:sys|system|user|human|assistant|init|gen)_?msg|(?:^|_)task(?:_|$)|guideline|constraint|(?:^|_)example|context$",
    re.IGNORECASE,
)
_NO_PROMPT_NAME = re.compile(
    r"(?:^|_)(?:regex|pattern|url|path|sql|html|css|query_string|help|usage|error|err|warning|description|desc"
    r"|title|label|license|header|endpoint|filename|version|doc|docs|log|banner|tooltip|placeholder|color|style"
    r"|(?:log|error|err|warn|warning|cancel|status|success|fail|failure|debug|info)_?(?:msg|message|text)s?"
    r"|halt_message|commit_message|trailer|footer)$",
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
    r"(?:^|[.:!?\n。]\s{0,4}|[-*\d.)#]\s{1,4}|\*\*)(?:please\s+|then\s+|now,?\s+)?"
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
_SET_APART = re.compile(r"(?<!\S)[^\w\s]{0,3}\w")
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
        r"|DROP\s+(?:TABLE|INDEX)|PRAGMA\s|WITH\s+\w+\s*(?:\([^)]*\)\s*)?AS\s*\(|BEGIN;|COPY\s)"
    )),
    ("a graph query", re.compile(
        r"^\s*(?:MATCH|MERGE|UNWIND|OPTIONAL MATCH|CALL)\s*[\s({]|\bMATCH\s?\(.{0,400}?\bRETURN\b",
        re.DOTALL)),
    ("markup", re.compile(
        r"^\s*(?:<!DOCTYPE|<\?xml|<html|<head|<div|<style|<svg|<script"
        r"|<p>|<p |<table|<a |<br|<img|<span|<link|<h\d)",
        re.IGNORECASE)),
    ("a notice", re.compile(
        r"^\W*(?:errors?:? |failed to |invalid |unable to |could not |cannot |missing )[^\n]{0,90}$"
        r"|^\W*no (?:[\w'-]+ ){1,5}(?:found|available|yet|provided|generated|given|to process)\b[^\n]{0,60}$"
        r"|^\W*(?:query|request|search|operation|tool|task|run)\b[^\n.]{0,40}"
        r"\b(?:returned empty|failed|timed out|not found|cancelled|completed)\b[^\n]{0,60}$",
        re.IGNORECASE)),
    ("a dummy text", re.compile(r"lorem ipsum", re.IGNORECASE)),
    ("a licence", re.compile(r"Licensed under the|Permission is hereby granted|Copyright \(c\)|SPDX-")),
    ("usage", re.compile(r"^\s*usage:", re.IGNORECASE)),
    ("a regular expression", re.compile(r"\(\?[P:=!<]|\\[bdswSWD][+*\\)\]]|\[\^[^\]]{1,60}\][+*]")),
    ("a URL or path", re.compile(r"^\s*(?:\w+://|/|\./|~/)\S*\s*$")),
    ("code", re.compile(
        r"^\s*(?:#!/|#{10}|import \w+\s*$|from [\w.]+ import |def \w+\(|class \w+[(:]|async def |@\w+\s*$"
        r"|package \w+;?$|function \w*\(|const \w+ =|#include|FROM \w+[:/]|\$\w+ =)", re.MULTILINE)),
    ("a diagram", re.compile(
        r"^\s*(?:graph (?:TD|LR|TB)|sequenceDiagram|classDiagram|flowchart|digraph|quadrantChart|erD)")),
    ("a style sheet", re.compile(
        r"^[ \t]{0,8}[.#@]?[\w-]{1,40}[ ,.#:>\w-]{0,60}\{\s{0,8}[\w-]{1,30}\s?:[^}]{0,80};",
        re.MULTILINE)),
    ("data", re.compile(r"^\s*[\[{]\s*(?:\"|'|\{|\[)[^.?!]*$", re.DOTALL)),
    ("a date format", re.compile(r"^(?=[%\-:/.,\sa-zA-Z]*$)[^%]*(?:%(?![YmdHMS])[^%]*)*%[YmdHMS]")),
)  # fmt: skip
"""What a text may be instead, by how it begins or what it holds; code counts only at the beginning."""


_WHATEVER_IT_SAYS = ("SQL", "a graph query", "markup", "usage", "a URL or path", "a dummy text")
"""Kinds that hold even where a text speaks to the model."""

EXAMPLES = ("code", "data", "markup", "a diagram")
"""Kinds that a prompt gives examples of."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The points of a text, and what gave them."""

    points: int
    reasons: tuple[str, ...] = ()
    speaks: bool = False
    """Whether it speaks to the model, as in `you are`."""


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around a text: the name that it is bound to, and its file."""

    name: str
    path: str
    is_mostly_text: bool = False
    """Whether most of the file is texts in constants."""

    @property
    def name_says(self) -> bool:
        """Whether the name is that of a prompt."""
        return _says_prompt(self.name) and not self.name_denies

    @property
    def name_denies(self) -> bool:
        """Whether the name is that of something else."""
        return _denies_prompt(self.name)

    @property
    def is_of_prompts(self) -> bool:
        """Whether it says that it holds prompts: by its name, or by its folder and by being all text."""
        return _of_prompts(self.path) or (self.is_mostly_text and _in_folder_of_prompts(self.path))

    @property
    def file_says(self) -> bool:
        """Whether the file's name speaks of prompts."""
        return _file_says(self.path)

    @property
    def folder_says(self) -> bool:
        """Whether the name of its folder does."""
        return _folder_says(self.path)


@functools.lru_cache(maxsize=TEXTS_KEPT)
def _says_prompt(name: str) -> bool:
    return _NAME.search(name) is not None


@functools.lru_cache(maxsize=TEXTS_KEPT)
def _denies_prompt(name: str) -> bool:
    return _NO_PROMPT_NAME.search(name) is not None


@functools.lru_cache(maxsize=1024)
def _of_prompts(path: str) -> bool:
    return _OF_PROMPTS.search(PurePosixPath(path).stem) is not None


@functools.lru_cache(maxsize=1024)
def _in_folder_of_prompts(path: str) -> bool:
    return any(folder.lower() in ("prompt", "prompts") for folder in PurePosixPath(path).parts[-3:-1])


@functools.lru_cache(maxsize=1024)
def _file_says(path: str) -> bool:
    return _FILE.search(PurePosixPath(path).name) is not None


@functools.lru_cache(maxsize=1024)
def _folder_says(path: str) -> bool:
    return any(_FILE.search(part) for part in PurePosixPath(path).parts[-2:-1])


def words_in(text: str) -> int:
    """Count words; two Chinese, Japanese or Korean characters are one."""
    return len(_WORD.findall(text)) + len(_CJK.findall(text)) // 2


@functools.lru_cache(maxsize=TEXTS_KEPT)
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
    return words_in(text) >= 3 and _is_sentence(text) and other_kind(text) in (None, *kinds)


def _is_sentence(text: str) -> bool:
    """Whether a text has three words that are set apart, or as much in a script that sets none apart."""
    if len(_SET_APART.findall(text)) >= 3:
        return len(text.strip()) >= LETTERS_MIN
    return len(_CJK.findall(text)) >= LETTERS_MIN // 2


class _Traits(msgspec.Struct, frozen=True):
    """What a text says by itself."""

    words: int
    speaks: bool
    imperatives: int
    talks: bool
    says_you: bool
    has_sections: bool


@functools.lru_cache(maxsize=TEXTS_KEPT)
def _traits(text: str) -> _Traits | None:
    """Return what a text says; None where it has another kind or hardly any words."""
    words = words_in(text)
    if words < 3 or not _is_sentence(text) or other_kind(text) is not None:
        return None
    return _Traits(
        words=words,
        speaks=_ROLE.search(text) is not None,
        imperatives=len(_IMPERATIVE.findall(text)) + len(_CJK_IMPERATIVE.findall(text)) // 2,
        talks=len({match.lower() for match in _TALK.findall(text)}) >= 2,
        says_you=_SECOND.search(text) is not None,
        has_sections=len(_MARKUP.findall(text)) >= 2,
    )


def judge(text: str, around: Surroundings, *, holes: int) -> Judgement:
    """Score a text by itself; what has another kind or hardly any words scores 0."""
    traits = _traits(text)
    if traits is None:
        return Judgement(points=0)
    given = (
        (3, "speaks to the model", traits.speaks),
        (2, f"name `{around.name}`", around.name_says),
        (2, "its file's name", around.file_says),
        (1, "its folder's name", around.folder_says and not around.file_says),
        (min(traits.imperatives, 2), "gives instructions", traits.imperatives > 0),
        (1, "speaks of answers and documents", traits.talks),
        (1, "says you", traits.says_you),
        (1, "has holes", holes > 0),
        (1, "is long", traits.words >= 40),
        (1, "is very long", traits.words >= 120),
        (1, "has sections", traits.has_sections),
        (-2, "its name", around.name_denies),
    )
    reasons = tuple(reason for points, reason, holds in given if holds and points > 0)
    total = sum(points for points, _, holds in given if holds)
    return Judgement(points=total, reasons=reasons, speaks=traits.speaks)


def is_prompt(judgement: Judgement, text: str, around: Surroundings, *, is_constant: bool) -> bool:
    """Whether the points suffice, given what names say; `is_constant`: bound in no function."""
    if is_constant and around.is_of_prompts:
        return is_fragment(text, kinds=EXAMPLES)
    if around.name_says and around.file_says:
        return judgement.points >= NAMED_MIN
    if around.name_says or around.file_says:
        return judgement.points >= NAMED_MIN + 1 or (around.file_says and judgement.points >= NAMED_MIN)
    return judgement.points >= UNNAMED_MIN and words_in(text) >= 10
