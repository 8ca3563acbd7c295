"""A string that matches a regular expression, for the simple patterns that stand in JSON schemas.

Understands literals, escapes, classes, groups, alternatives and counts; takes a candidate that matches in
preference. What it can't read it answers with the best that it has: a stand-in need not be perfect. Pure.
"""

import re

LENGTH_MAX = 200
PATTERN_LENGTH_MAX = 300
DEPTH_MAX = 20
CANDIDATE_LENGTH_MAX = 64
QUANTIFIERS_MAX = 3

_QUANTIFIED_GROUP = re.compile(r"\)[*+?{]")
_QUANTIFIERS = re.compile(r"(?<!\\)(?:[*+?]|\{\d*,)")

_CLASSES = {"d": "0123456789", "w": "abcdefghijklmnopqrstuvwxyz", "s": " ", "D": "a", "W": "-", "S": "a"}
_PRINTABLE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@/:+ "


def matching(pattern: str, candidates: list[str], least: int, most: int) -> str:
    """Return a string of `least` to `most` characters that matches, a candidate where one does.

    Patterns are the client's: one that could take long to match is never run, only generated from.
    """
    compiled = _compiled(pattern)
    if compiled is None:
        return "text"
    quick = not _QUANTIFIED_GROUP.search(pattern) and len(_QUANTIFIERS.findall(pattern)) <= QUANTIFIERS_MAX
    for candidate in candidates if quick else ():
        if least <= len(candidate) <= min(most, CANDIDATE_LENGTH_MAX) and compiled.search(candidate):
            return candidate
    for more in range(4):
        made = _Generator(pattern, more).alternatives()
        made = made.ljust(least, "a")[: min(most, LENGTH_MAX)]
        if not quick or (len(made) <= CANDIDATE_LENGTH_MAX and compiled.search(made)):
            return made
    return _Generator(pattern, 0).alternatives()[:most]


def _compiled(pattern: str) -> re.Pattern[str] | None:
    if len(pattern) > PATTERN_LENGTH_MAX:
        return None
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return None


class _Generator:
    """Walks one pattern from left to right; `more` repetitions are added where the count is open."""

    def __init__(self, pattern: str, more: int) -> None:
        self._pattern = pattern
        self._place = 0
        self._depth = 0
        self._more = more

    def alternatives(self) -> str:
        """Read up to the end or a closing bracket; the first alternative counts."""
        made = [self._sequence()]
        while self._peek() == "|":
            self._place += 1
            made.append(self._sequence())
        return made[0]

    def _peek(self) -> str:
        return self._pattern[self._place : self._place + 1]

    def _take(self) -> str:
        found = self._peek()
        self._place += 1
        return found

    def _sequence(self) -> str:
        made = ""
        while self._peek() not in ("", "|", ")"):
            atom = self._atom()
            made = (made + self._repeated(atom))[:LENGTH_MAX]
        return made

    def _repeated(self, atom: str) -> str:
        least, most = 1, 1
        match self._peek():
            case "*":
                least, most = 0, LENGTH_MAX
                self._place += 1
            case "+":
                least, most = 1, LENGTH_MAX
                self._place += 1
            case "?":
                least, most = 0, 1
                self._place += 1
            case "{":
                found = re.compile(r"\{(\d*)(,?)(\d*)\}").match(self._pattern, self._place)
                if found:
                    self._place = found.end()
                    least = int(found[1] or 0)
                    most = int(found[3]) if found[3] else (LENGTH_MAX if found[2] else least)
            case _:
                return atom
        if self._peek() in ("?", "+") and self._place < len(self._pattern):
            self._place += 1
        return (atom * min(least + self._more, most, LENGTH_MAX))[:LENGTH_MAX]

    def _atom(self) -> str:
        match self._take():
            case "^" | "$":
                return ""
            case ".":
                return "a"
            case "\\":
                return self._escaped()[:1]
            case "[":
                return self._class()[:1]
            case "(":
                return self._group()
            case other:
                return other

    def _escaped(self) -> str:
        code = self._take()
        if code in "bBAZ":
            return ""
        return _CLASSES.get(code, {"n": "\n", "t": "\t"}.get(code, code))

    def _group(self) -> str:
        if self._peek() == "?":
            named = re.compile(r"\?(?::|P?<[A-Za-z_]\w*>|[=!]|<[=!])").match(self._pattern, self._place)
            if named:
                self._place = named.end()
        self._depth += 1
        inside = self.alternatives() if self._depth < DEPTH_MAX else ""
        self._depth -= 1
        self._take()
        return inside

    def _class(self) -> str:
        negated = self._peek() == "^"
        if negated:
            self._place += 1
        members: list[str] = []
        first = True
        while self._place < len(self._pattern) and (self._peek() != "]" or first):
            first = False
            low = self._take()
            if low == "\\":
                members.append(self._escaped())
                continue
            if self._peek() == "-" and self._pattern[self._place + 1 : self._place + 2] not in ("", "]"):
                self._place += 1
                high = self._take()
                members.append("".join(map(chr, range(ord(low), min(ord(high), ord(low) + 30) + 1))))
                continue
            members.append(low)
        self._take()
        chosen = "".join(members)
        if negated:
            return "".join(letter for letter in _PRINTABLE if letter not in chosen)
        return chosen
