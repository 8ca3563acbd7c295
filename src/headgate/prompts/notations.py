"""The notations of holes inside a text: `{name}`, `%s`, `$name`, `{{ name }}`; each read into parts.

Pure; never fills a hole. Read next: `expressions`.
"""

import re
import string

from headgate.prompts.model import Hole, Part

_PLAIN = re.compile(r"[^\W\d]\w*(?:\.\w+|\[[^\[\]{}]+\])*")
_PERCENT = re.compile(
    r"%(?:\((?P<name>[^)\n]{1,80})\))?[#0\- +]{0,8}(?:\*|\d{1,9})?(?:\.(?:\*|\d{1,9}))?"
    r"(?P<conversion>[diouxXeEfFgGcrsa%])"
)
_DOLLAR = re.compile(r"\$(?:(?P<escaped>\$)|(?P<name>[^\W\d]\w*)|\{(?P<braced>[^\W\d]\w*)\})")
_JINJA = re.compile(
    r"\{\{-?(?P<value>.{0,400}?)-?\}\}|\{%-?(?P<tag>.{0,400}?)-?%\}|(?P<comment>\{#.{0,2000}?#\})", re.DOTALL
)
_MUSTACHE = re.compile(
    r"\{\{\{(?P<raw>[^{}]+)\}\}\}|\{\{\s*(?P<comment>![^}]*)\}\}|\{\{(?P<value>[^{}!]+)\}\}"
)
_DOUBLED = re.compile(r"\{\{-?\s*\$?[^\W\d][\w.]*(?:\s*\|[^{}]*)?\s*-?\}\}")
_TAG = re.compile(r"\{%-?\s*(?:if|for|set)\b[^{}]*%\}")


def braces(text: str, *, given: tuple[str, ...] = ()) -> list[Part] | None:
    """Read `str.format` notation; `given` names the positional values; None where the text is none."""
    parts: list[Part] = []
    position = 0
    try:
        for literal, name, spec, conversion in string.Formatter().parse(text):
            parts.append(literal)
            if name is None:
                continue
            if name == "" or name.isdigit():
                index = int(name) if name else position
                position += 1
                name = given[index] if index < len(given) else str(index)
            parts.append(
                Hole(name=name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else ""))
            )
    except ValueError:
        return None
    return parts


def guessed(text: str) -> list[Part]:
    """Read a text of which it is not known how its holes are filled: `{name}` or `{{ name }}`, else plain."""
    if "{" not in text:
        return [text]
    found = braces(text)
    names = [part.name for part in found or () if isinstance(part, Hole)]
    if found is not None and names and all(_is_plain(name) for name in names):
        return found
    # Single braces beside Jinja's may be data: a dictionary in an example, say. A tag is Jinja's alone.
    is_format = any(_is_plain(name) or name.isdigit() for name in names)
    if _TAG.search(text) or (not is_format and _DOUBLED.search(text)):
        return jinja(text)
    return [text]


def _is_plain(name: str) -> bool:
    bare = re.split(r"[!:]", name, maxsplit=1)[0]
    return _PLAIN.fullmatch(bare) is not None


def percent(text: str, *, given: tuple[str, ...] = ()) -> list[Part]:
    """Read `%` notation; `given` names the values of `%s`, in order."""
    parts: list[Part] = []
    end = position = 0
    for match in _PERCENT.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        if match["conversion"] == "%":
            parts.append("%")
        elif match["name"] is not None:
            parts.append(Hole(name=match["name"]))
        else:
            parts.append(Hole(name=given[position] if position < len(given) else str(position)))
            position += 1
    return [*parts, text[end:]]


def dollar(text: str) -> list[Part]:
    """Read the notation of `string.Template`."""
    parts: list[Part] = []
    end = 0
    for match in _DOLLAR.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        parts.append("$" if match["escaped"] else Hole(name=match["name"] or match["braced"]))
    return [*parts, text[end:]]


def jinja(text: str) -> list[Part]:
    """Read Jinja: values and tags are holes, comments are nothing."""
    return _doubled(text, _JINJA)


def mustache(text: str) -> list[Part]:
    """Read Mustache: values and sections are holes, comments are nothing."""
    return _doubled(text, _MUSTACHE)


def _doubled(text: str, pattern: re.Pattern[str]) -> list[Part]:
    parts: list[Part] = []
    end = 0
    for match in pattern.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        groups = match.groupdict()
        tag = groups.get("tag")
        if tag is not None:
            parts.append(Hole(name=f"% {tag.strip()} %"))
        elif not groups.get("comment"):
            parts.append(
                Hole(name=(groups.get("value") or groups.get("raw") or "").strip().removeprefix("$"))
            )
    return [*parts, text[end:]]
