"""A module in pieces says what it says in one, and pieces that were read are not read again."""

import ast
import textwrap

import pytest

from headgate.prompts.facts import facts_of
from headgate.prompts.modules import prompts_of
from headgate.prompts.pieces import Piece, Pieces, chunks_of
from headgate.prompts.sites import sites_in

MODULE = '''
"""A module."""
import os

TONE = "Keep a friendly tone, always."
if os.name == "nt":
    LINE = "Never write more than a line."
else:
    LINE = "Write as many lines as you need."

@decorated
class Bot(Base):
    """A bot."""
    # a comment with "quotes" and 'more
    system_prompt = """You are a bot.

def answer(): is what you write.
class Names: are never written.
"""

    @property
    @cached
    def text(self):
        return f"""Say {self.name}
    def not_a_method(): here
"""
    async def run(self, client):
        await client.responses.create(input=self.text + TONE + LINE, model="m")

    class Inner:
        prompt = "You are inside, answer from there."
        def deep(self):
            return llm.invoke("Answer from the deep, please.")

    after_prompt = "You come last, answer quickly."

class Empty: pass

def tail(question='What is " it?', *more):
    return ask_llm(f"Answer {question} now, please.")
LAST_PROMPT = "You are the last one, answer."
'''


def in_one(source: str) -> list[Piece]:
    body = ast.parse(source).body
    facts, sites = facts_of(body, ()), sites_in(body, ())
    return [Piece(line=0, size=len(source), scope=(), body=body, facts=facts, sites=sites)]


def said(pieces: list[Piece]) -> list[tuple[str, int, str]]:
    return [(each.symbol, each.line, each.template.text) for each in prompts_of(pieces, "bot.py")]


def test_pieces_say_what_the_whole_says() -> None:
    pieces = Pieces().of(MODULE)
    assert len(pieces) > 5
    assert said(pieces) == said(in_one(MODULE))
    assert len(said(pieces)) >= 9


def test_chunks_are_all_of_the_text() -> None:
    assert "".join(chunk.text for chunk in chunks_of(MODULE)) == MODULE


@pytest.mark.parametrize(
    "source",
    [
        "class A:\n    class B:\n        y = 1\n        def f(self): x\n    def g(self): x\n",
        "class A: pass\nclass B: x = 1\n",
        "class A:\n    if x:\n        def f(self): pass\n    def g(self): pass\n",
        "def f():\n    x = g(\nh,\n)\n    return x\n",
        "try:\n    import a\nexcept Error:\n    a = 1\n\ndef f(): pass\nfor x in y:\n    a\nelse:\n    b\n",
        "x = 'a' \\\n'b'\ndef f(): pass\n",
        "class A:\n\tdef f(self): pass\n\tdef g(self): pass\n",
        "x = '''\\\\'''\ndef f(): return r'\\''\n",
        "def f():\r\n    return 1\r\nclass A:\r\n    def g(self): pass\r\n",
        "class A:\n    def f(self): pass\n(a, b) = g()\ndef h(): pass\n",
        "class A:\n    def f(self): pass\n'''a text'''\n[print(x) for x in y]\n",
        "# only a comment",
        "",
    ],
)
def test_odd_shapes_are_read_as_python_reads_them(source: str) -> None:
    body = [statement for piece in Pieces().of(source) for statement in piece.body]
    names = [each for piece in Pieces().of(source) for each in piece.facts.functions]
    whole = facts_of(ast.parse(source).body, ())
    assert sorted(names) == sorted(whole.functions)
    assert bool(body) == bool(ast.parse(source).body)


def test_a_piece_that_was_read_is_kept() -> None:
    pieces = Pieces()
    first = pieces.of(MODULE)
    second = pieces.of(MODULE.replace("the last one", "the very last one"))
    same = [one.facts is two.facts for one, two in zip(first, second, strict=True)]
    assert same.count(False) == 1
    assert second[-1].facts is not first[-1].facts


def test_lines_are_those_of_the_file_after_a_change_above() -> None:
    pieces = Pieces()
    before = {symbol: line for symbol, line, _ in said(pieces.of(MODULE))}
    after = {symbol: line for symbol, line, _ in said(pieces.of("x = 1\n\n\n" + MODULE))}
    assert after == {symbol: line + 3 for symbol, line in before.items()}


def test_an_error_has_its_line_in_the_file() -> None:
    source = textwrap.dedent(MODULE) + "\ndef broken(:\n    pass\n"
    with pytest.raises(SyntaxError) as caught:
        Pieces().of(source)
    assert caught.value.lineno == source[: source.index("def broken")].count("\n") + 1
