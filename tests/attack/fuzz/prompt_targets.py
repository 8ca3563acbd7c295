"""Fuzzes what reads prompts that others write: templates with their values, and files of source code."""

import ast
import time
import warnings
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from tests.attack.fuzz.fuzz_target import CUT, Draw, Target

from headgate.prompts.managed.jinja import TAGS_MAX  # loaded here, so that atheris sees its branches
from headgate.prompts.managed.jinja_functions import FILTERS, METHODS, TESTS
from headgate.prompts.managed.model import Engine
from headgate.prompts.managed.templates import Template, compile_template, render
from headgate.prompts.managed.work import OUTPUT_CHARACTERS_MAX, Refusal
from headgate.prompts.pieces import Pieces
from headgate.prompts.scanning import Options, scan_bytes

ENGINES: Final[tuple[Engine, ...]] = ("mustache", "jinja")
PROCESSOR_S_MAX: Final = 5.0
"""Of processor time, for any one input: many times what the worst should take while it is watched."""

LARGE: Final[dict[str, Any]] = {
    "name": "Ada",
    "items": [{"name": f"n{number}", "price": number / 8, "tags": ["a", "b"]} for number in range(300)],
    "text": "Be kind.\n" * 4000,
    "numbers": list(range(2000)),
    "order": {"id": 7, "lines": [1, 2.5, None, True, "x"], "deep": [[[[{}]]]]},
    "huge": 10**400,
    "none": None,
}
"""Variables that any template may read: large enough that work which is not counted takes long."""

_variables: Final = msgspec.json.Decoder(dict[str, Any]).decode


def render_template(data: bytes) -> None:
    """A template is refused or rendered within the bounds, each time the same, and quickly."""
    draw = Draw(data)
    engine = ENGINES[draw.number(2)]
    said, _, values = draw.rest().partition(CUT)
    try:
        variables = {**LARGE, **_variables(values)}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        variables = LARGE
    begin_s = time.process_time()
    try:
        template = compile_template(engine, said.decode("utf-8", "replace"))
    except Refusal as refusal:
        assert refusal.reason
        return
    text = _rendered(template, variables)
    used_s = time.process_time() - begin_s
    assert used_s < PROCESSOR_S_MAX, f"{used_s:.1f} s of processor time"
    assert text is None or len(text) <= OUTPUT_CHARACTERS_MAX
    assert _rendered(template, variables) == text
    assert template.required <= template.names
    for name in template.required:
        others = {key: value for key, value in variables.items() if key != name}
        assert _rendered(template, others) is None, f"rendered without {name!r}"


def _rendered(template: Template, variables: dict[str, Any]) -> str | None:
    """What is rendered; None for what is refused."""
    try:
        [text] = render([template], variables)
    except Refusal as refusal:
        assert refusal.reason
        return None
    return text


def scan_source(data: bytes) -> None:
    """A file is scanned or skipped with a reason; what was read of an earlier state changes nothing.

    A module that Python reads is never skipped, unless it is nested too deeply or gives too much text.
    """
    draw = Draw(data)
    name = NAMES[draw.number(len(NAMES))]
    options = Options(tests=bool(draw.number(2)), libraries=draw.number(4) == 3)
    earlier, cut, later = draw.rest().partition(CUT)
    content = later if cut else earlier
    pieces = Pieces()
    if cut:
        scan_bytes(earlier, name, options, pieces)
    begin_s = time.process_time()
    found = scan_bytes(content, name, options, pieces)
    used_s = time.process_time() - begin_s
    assert used_s < PROCESSOR_S_MAX, f"{used_s:.1f} s of processor time"
    assert found == scan_bytes(content, name, options)
    lines = len(content.splitlines()) + 1
    for placed in (*found.prompts, *found.parameters, *found.models, *found.keys):
        assert placed.path == name and 0 <= placed.line <= lines, (placed, lines)
    if name.endswith(".py") and found.skipped:
        assert found.skipped[0].why.startswith(_TOO_MUCH) or not _is_python(content), found.skipped
    for skipped in found.skipped:
        assert skipped.path == name and skipped.why and 0 <= skipped.line <= lines, (skipped, lines)


_TOO_MUCH: Final = ("nested too deeply", "its texts can give more than")


def _is_python(content: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(content.decode("utf-8-sig"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


NAMES: Final = ("app/agent.py", "prompts.py", "prompts/a.yaml", "agents.toml", "prompts/a.md", "a.prompt",
                "prompts/a.j2", "prompts/a.mustache", "app/prompts.py", ".env")  # fmt: skip

_MUSTACHE: Final = (
    b"Hi {{name}}, {{#items}}{{name}}: {{price}}, {{/items}}{{^none}}none{{/none}}{{! a comment }}",
    b"{{=<% %>=}}<%order.id%> <%#order.lines%>(<%.%>)<%/order.lines%>\n",
    b"{{#numbers}}{{text}}{{/numbers}}",
    b"{{#order}}\n  {{{id}}} {{&id}}\n{{/order}}\n{{text}}"
    + CUT
    + b'{"text": "short", "id": [1, {"a": null}]}',
)
_JINJA: Final = (
    b"{% for item in items if item.price > 2 %}{{ loop.index }}. {{ item.name|upper }}"
    b"{% if not loop.last %}, {% endif %}{% else %}none{% endfor %}",
    b"{% set total = items|sum(attribute='price') %}{{ total|round(2) }} {{ order.lines[1:]|join('-') }}",
    b"{{ missing|default('x') ~ name[0] }} {{ order.items()|list|tojson }} {{ 7 // 2 % 3 }}"
    b"{% if name is defined and 'A' in name %}{{ text|truncate(20) }}{% elif none %}b{% endif %}",
    b"{% for a in range(3) %}{% set b = [a, (1, 2), {'k': a}] %}{{ b|length }}{{ b.1[0] }}{% endfor %}",
    b"{{ text|replace('Be', 'Is', 3)|indent(2)|wordcount }}{{ huge }}{{ numbers|reverse|first }}",
    b"{% for a in range(9999) %}" * 3 + b"{% if a %}{% endif %}" + b"{% endfor %}" * 3,
    b"{{ name }}{% if name %}{{ name",
    b"{{ name }}" * (TAGS_MAX + 1),
    b"{% set a = text %}" + b"{% set a = a ~ a %}" * 30 + b"{{ a }}",
    b"{{ -1.5|abs }}{{ text|title|trim('B')|length }}",
    b"{{ items|selectattr('name', 'equalto', 'n3')|map(attribute='tags')|list }}{{ order|dictsort|length }}",
)
_TEMPLATE_WORDS: Final = (
    b"{{", b"}}", b"{%", b"%}", b"{{{", b"}}}", b"{{#", b"{{/", b"{{^", b"{{!", b"{{=", b"=}}", b"{#",
    b"#}", b"{{.}}", b"name", b"items", b"text", b"numbers", b"order", b"huge", b"none", b"loop.index",
    b"range(", b"|default('x')", b"{% for x in ", b"{% endfor %}", b"{% if ", b"{% else %}", b"{% elif ",
    b"{% endif %}", b"{% set x = ", b" is ", b" and ", b" or ", b" not ", b" in ", b"1e308", b"[", b"]", b"(",
    b")", b" ~ ", b"''", b"\n", b",", b"==",
)  # fmt: skip

_SOURCES: Final = (
    b'SYSTEM_PROMPT = """You are a helpful assistant.\nAnswer {question} in %s."""\n\n'
    b"def ask(client, question):\n"
    b'    text = SYSTEM_PROMPT.format(question=question) + "Be brief."\n'
    b'    return client.chat.completions.create(model="gpt-4o", temperature=0.2, messages=[\n'
    b'        {"role": "system", "content": text}, {"role": "user", "content": f"Say {question!r:>3}"}])\n',
    b"import dspy\nclass Ask(dspy.Signature):\n"
    b'    """Answer the question."""\n    question = dspy.InputField(desc="asked")\n    answer: str = f()\n'
    b"@tool\ndef look(place: str) -> str:\n"
    b'    """Look up the weather of a place."""\n    return "a" if place else "You are " + x\n',
    b'KEY = "sk-ant-'
    b'api03-Zq8Rw2Lm5Xc9Vb4Nt7Ky3Hd6Js1Pf0"\nprompts = ["You are " + n for n in names]\n'
    b'p = "\\n".join(prompts) % {"a": 1}\nx: str = "Your task: " "%(a)s"\nx += p\n'
    b"agent = Agent(prompt=x, tools=[look])\n",
    b"agent:\n  role: You are a writer of stories\n  goal: &g |\n    Write a {kind} story for the reader.\n"
    b"  backstory: *g\nsystem_prompt: 'Your task is to help.'\n",
    b'[agent]\nsystem_prompt = """You are a helpful\nassistant, {name}."""\n'
    b'names = ["You are a judge of texts"]\n',
    b"'You are a helper of \xff'\n",
    b"---\nmodel: gpt-4o\n---\nYou are a helpful assistant. {{#items}}{{name}}{{/items}} "
    b"{% if a %}{{ b|upper }}{% endif %}\n",
)
_SOURCE_WORDS: Final = (
    b"def f(", b"class A(", b"async ", b"await ", b"lambda ", b"return ", b"yield ", b"import ", b"from ",
    b" as ", b"for ", b" in ", b" if ", b" else ", b"match x:\n case ", b"with ", b"try:", b"except* ",
    b"global ", b"@tool\n", b"*", b"**", b"f'", b'f"""', b"rb'", b'"""', b"'''", b"'", b'"', b"\\",
    b"\\N{DASH}", b"\\ud800", b"{a!r:{b}}", b"%(a)s", b"%s", b".format(", b".join(", b".append(",
    b"messages=", b"role", b"system", b"content", b"prompt", b"You are a helper. ", b":=", b"=", b"+=",
    b"+", b"%", b"[", b"]", b"(", b")", b"{", b"}", b":\n ", b"\n", b"\r", b"\t", b"\x0c", b";", b"#",
    b"0x", b"1e9", b"...", b"None", b"- ", b": |\n", b"&a ", b"*a", b"!!str ", b"---\n", b"\xef\xbb\xbf",
    b"\0", b"Template(", b"Agent(", b"tools=", b"model=", b"temperature=", b"api_key=",
)  # fmt: skip


def _templates() -> Iterable[bytes]:
    for number, seeds in enumerate((_MUSTACHE, _JINJA)):
        for seed in seeds:
            yield bytes([number]) + seed


def _sources() -> Iterable[bytes]:
    for number in range(len(NAMES)):
        for source in _SOURCES:
            yield bytes([number, 0, 0]) + source
    for source in _SOURCES[:3]:
        yield bytes([0, 1, 0]) + source + CUT + source.replace(b"You are", b"You were", 1)


_NAMES: Final = (
    *(f"|{name}(".encode() for name in FILTERS),
    *(f" is {name} ".encode() for name in TESTS),
    *(f".{name}(".encode() for name in METHODS),
)
TARGETS: Final = (
    Target(name="templates", run=render_template, seeds=_templates, words=(CUT, *_TEMPLATE_WORDS, *_NAMES)),
    Target(name="sources", run=scan_source, seeds=_sources, words=(CUT, *_SOURCE_WORDS)),
)
