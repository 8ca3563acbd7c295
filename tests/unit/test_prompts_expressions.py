"""What templates Python expressions fold into: every notation of holes, and every way to join texts."""

import ast
import textwrap

import pytest

from headgate.prompts.expressions import templates_of
from headgate.prompts.facts import facts_of
from headgate.prompts.flow import Flow
from headgate.prompts.model import Hole, Template


def value_of(statement: ast.stmt) -> ast.expr:
    assert isinstance(statement, ast.Assign)
    return statement.value


def flow_of(tree: ast.Module) -> Flow:
    return Flow([facts_of(tree.body, ())])


def fold(expression: str, *, formatted: bool = False) -> list[str]:
    """The texts that an expression can give, holes as `{name}`."""
    node = ast.parse(textwrap.dedent(expression).strip(), mode="eval").body
    return [template.text for template in templates_of(node, formatted=formatted)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'Answer ' 'briefly.'", "Answer briefly."),
        ("f'Dear {user.name}, {count:>3} {x!r}'", "Dear {user.name}, {count:>3} {x!r}"),
        ("f'Write {{\"a\": 1}} for {x}'", 'Write {"a": 1} for {x}'),
        ("'Say {} to {}'.format(word, who)", "Say {word} to {who}"),
        ("'Say {1} to {0}'.format(who, word)", "Say {word} to {who}"),
        ("'Say {word} and {{x}}'.format(word=w)", "Say {word} and {x}"),
        ("'Say %s, %d%% sure' % (word, share)", "Say {word}, {share}% sure"),
        ("'Say %(word)s' % values", "Say {word}"),
        ("Template('Say $word for $$5 to ${who}')", "Say {word} for $5 to {who}"),
        ("string.Template('Say $word').substitute(word=w)", "Say {word}"),
        ("jinja2.Template('Say {{ word | upper }}').render(word=w)", "Say {word | upper}"),
        ("'You are ' + name + '.'", "You are {name}."),
        ("'\\n'.join(['One.', two, 'Three.'])", "One.\n{two}\nThree."),
        ("textwrap.dedent('''\n    One\n      two {x}\n    ''')", "\nOne\n  two {x}\n"),
        ("inspect.cleandoc('''One\n    two\n    ''')", "One\ntwo"),
        ("'''\n  Say it.  '''.strip()", "Say it."),
        ("f'  Say {word}  '.rstrip()", "  Say {word}"),
        ("'Say WORD now'.replace('WORD', word)", "Say {word} now"),
        ("'Say WORD now'.replace('WORD', 'it')", "Say it now"),
        ("'-' * 3 + ' Rules'", "--- Rules"),
        ("dedent(f'''\n  Be {tone}\n  now''')", "\nBe {tone}\nnow"),
        ("'Use {tool} and {name[0]}'", "Use {tool} and {name[0]}"),
        ("'Haystack: {{ query }}'", "Haystack: {query}"),
    ],
)
def test_every_notation_is_read(expression: str, expected: str) -> None:
    assert fold(expression) == [expected]


def test_each_arm_of_a_condition_is_a_template() -> None:
    assert fold("'Be ' + ('brief' if short else 'thorough')") == ["Be brief", "Be thorough"]
    assert fold("given or 'Be kind.'") == ["Be kind."]


def test_braces_of_plain_data_are_text() -> None:
    template = templates_of(ast.parse("""'Return {"answer": 1}'""", mode="eval").body)[0]
    assert template.parts == ('Return {"answer": 1}',)


def test_braces_of_an_f_string_are_text() -> None:
    template = templates_of(ast.parse("f'Use {{name}} for {x}'", mode="eval").body)[0]
    assert template.parts == ("Use {name} for ", Hole(name="x"))


def test_what_is_formatted_later_has_its_holes_for_certain() -> None:
    node = ast.parse("'Use {0} {{x}}'", mode="eval").body
    assert templates_of(node, formatted=True)[0].holes == ("0",)
    assert templates_of(node)[0].holes == ()


def test_names_stand_for_the_constants_of_the_module() -> None:
    tree = ast.parse(
        "RULES = 'Be kind.'\nclass A:\n    tail = 'Bye.'\n    text = RULES + ' ' + tail + mood\n"
    )
    flow = flow_of(tree)
    owner = tree.body[1]
    assert isinstance(owner, ast.ClassDef)
    text = value_of(owner.body[1])
    assert [each.text for each in templates_of(text, flow.names_in(("A",)))] == ["Be kind. Bye.{mood}"]


def test_names_that_vary_are_holes() -> None:
    tree = ast.parse("rules = 'Be kind.'\nrules = 'Be brief.'\ntext = f'{rules} Now.'\n")
    text = value_of(tree.body[2])
    assert templates_of(text, flow_of(tree).names_in(()))[0].text == "{rules} Now."


def test_names_that_stand_for_themselves_end() -> None:
    tree = ast.parse("a = b + b\nb = a + a\nc = 'Say ' + a\n")
    templates = templates_of(value_of(tree.body[2]), flow_of(tree).names_in(()))
    assert templates[0].text.startswith("Say ")


def test_arms_are_bounded() -> None:
    expression = " + ".join(f"('a{index}' if x else 'b{index}')" for index in range(20))
    assert len(fold(expression)) == 8


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "expression",
    [
        "'Say it now. ' + 'x'" + " * 200" * 9,
        "'aaaaaaaa'" + ".replace('a', 'aaaaaaaa')" * 20,
        "'aaaaaaaa'" + ".replace('a', b)" * 20,
        "('Say it now.' * 200 * 200 * 20).replace('a', 'aaaaaaaaa')",
        "'Say it now. {x}'" + ".replace('a', 'aaa')" * 20 + ".format(x=1)",
    ],
)
def test_texts_that_grow_are_holes_from_some_size_on(expression: str) -> None:
    assert all(len(text) < 2_000_000 for text in fold(expression))


@pytest.mark.timeout(20)
def test_names_that_double_each_other_are_holes_from_some_size_on() -> None:
    lines = [
        "a0 = 'Say it now. '",
        *(f"a{number} = a{number - 1} + a{number - 1}" for number in range(1, 30)),
    ]
    tree = ast.parse("\n".join(lines))
    names = flow_of(tree).names_in(())
    for statement in tree.body:
        assert all(len(template.text) < 2_000_000 for template in templates_of(value_of(statement), names))


def test_a_format_that_cannot_be_written_out_is_a_hole() -> None:
    key = '"\'" "\'" "\'" \'"""\' """\n"""'
    broken = f"{{x:{{widths[{key}]}}}}"
    assert fold(f"f'''Say it {broken}.'''") == ["Say it {x:...}."]


def test_versions_tell_text_from_holes() -> None:
    hole = Template.of(["Say ", Hole(name="x")])
    text = Template.of(["Say ", "{x}"])
    assert hole.text == text.text
    assert hole.version != text.version
    assert len(hole.version) == 12
    assert Template.of(["Say ", "", "it"]) == Template.of(["Say it"])
    assert Template.of(["Say it "]).version != Template.of(["Say it"]).version


def test_braces_of_data_beside_those_of_jinja_are_text() -> None:
    text = "Use {{ tool }} with {\\'query\\': \\'x\\'} or f\\'{city}\\'. {% if strict %}Be strict.{% endif %}"
    node = ast.parse(f"'{text}'", mode="eval").body
    assert templates_of(node)[0].holes == ("tool", "% if strict %", "% endif %")
    node = ast.parse("'Use {{ tool }} with {\\'query\\': \\'x\\'} now'", mode="eval").body
    assert templates_of(node)[0].holes == ("tool",)
