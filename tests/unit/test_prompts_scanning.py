"""A scan of a tree: which files it reads, what it finds beside prompts, and that nothing stops it."""

from pathlib import Path

import pytest

from headgate.prompts.keys import keys_in
from headgate.prompts.model import Scan
from headgate.prompts.packages import environments_of, scan_packages
from headgate.prompts.scanning import Options, scan_bytes, scan_tree

PROMPT = b'SYSTEM_PROMPT = "You are a careful clerk. Answer with a number."\n'
KEY = "sk-ant-" + "api03-Zq8Rw2Lm5Xc9Vb4Nt7Ky3Hd6Js1Pf0"


def write(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def paths(scan: Scan) -> list[str]:
    return [each.path for each in scan.prompts]


def test_what_is_not_the_teams_own_code_is_left_out(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "app/a.py": PROMPT,
            ".git/b.py": PROMPT,
            "node_modules/c.py": PROMPT,
            "env/pyvenv.cfg": b"home = x\n",
            "env/lib/d.py": PROMPT,
            "tests/test_e.py": PROMPT,
        },
    )
    assert paths(scan_tree(root)) == ["app/a.py"]
    assert paths(scan_tree(root, Options(tests=True))) == ["app/a.py", "tests/test_e.py"]
    assert paths(scan_tree(root / "app" / "a.py")) == ["a.py"]


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (b"x = 1\nprint 'hello'\n", 2, "Python 2"),
        (b"x = (\n", 1, "no Python"),
        (b"x = 1\ny = '\xff'\n", 2, "no UTF-8"),
        (b"x = 1\0", 0, "binary"),
        (b"x = " + b"(" * 5000 + b")" * 5000, 0, ""),
        (b"x = " + b"-" * 200_000 + b"1", 0, ""),
        (b"x = " + b" + ".join([b"'a'"] * 20_000), 0, "nested too deeply"),
    ],
)
def test_bad_input_is_named_and_the_rest_goes_on(tmp_path: Path, content: bytes, line: int, why: str) -> None:
    root = write(tmp_path, {"bad.py": content, "good.py": PROMPT})
    scan = scan_tree(root)
    assert paths(scan) == ["good.py"]
    (skipped,) = scan.skipped
    assert skipped.path == "bad.py"
    assert skipped.why.startswith(why)
    assert not line or skipped.line == line


def test_a_huge_file_is_named(tmp_path: Path) -> None:
    root = write(tmp_path, {"huge.py": b"#" * 1_000_001, "good.py": PROMPT})
    scan = scan_tree(root)
    assert [each.path for each in scan.skipped] == ["huge.py"]
    assert "1,000,001 bytes" in scan.skipped[0].why


LETTER = b'LETTER_TEMPLATE = "Write to {name}, and give your answer in a line."\n'
"""Taken for a prompt in a team's own code, and not in a library that speaks of no model."""


def test_the_packages_of_a_tree_are_those_of_its_own_environment(tmp_path: Path) -> None:
    packages = "env/lib/python3.12/site-packages"
    root = write(
        tmp_path,
        {
            "app/a.py": PROMPT,
            "env/pyvenv.cfg": b"home = x\n",
            f"{packages}/kind/agent.py": PROMPT,
            f"{packages}/kind/plain.py": LETTER,
            f"{packages}/kind/tests/test_it.py": PROMPT,
        },
    )
    (found,) = environments_of(root)
    assert found == root / packages
    assert paths(scan_packages(root, found, Options())) == [f"{packages}/kind/agent.py"]
    assert paths(scan_tree(root / packages)) == ["kind/agent.py", "kind/plain.py"]
    (elsewhere,) = environments_of(root / "app")
    assert elsewhere.name == "site-packages"


def test_links_are_not_followed(tmp_path: Path) -> None:
    root = write(tmp_path, {"app/a.py": PROMPT})
    (root / "app" / "loop").symlink_to(root, target_is_directory=True)
    (root / "app" / "b.py").symlink_to(root / "app" / "a.py")
    assert paths(scan_tree(root)) == ["app/a.py"]


def test_files_of_prompts_are_read() -> None:
    def texts(name: str, content: str) -> list[tuple[str, str, int, str]]:
        found = scan_bytes(content.encode(), name).prompts
        return [(each.symbol, each.template.text, each.line, each.kind) for each in found]

    assert texts("prompts/a.j2", "Answer {{ question }} in one word.{# not this #}") == [
        ("a.j2", "Answer {question} in one word.", 1, "jinja")
    ]
    assert texts("prompts/a.mustache", "Answer {{#q}}{{name}}{{/q}} in one word.") == [
        ("a.mustache", "Answer {#q}{name}{/q} in one word.", 1, "mustache")
    ]
    assert texts("prompts/a.md", "---\nmodel: x\n---\nAnswer {question} in one word.") == [
        ("a.md", "Answer {question} in one word.", 4, "markdown")
    ]
    assert texts("a.yaml", "name: x\nagent:\n  system_prompt: |\n    You are a clerk. Answer {q}.\n") == [
        ("agent.system_prompt", "You are a clerk. Answer {q}.\n", 3, "yaml")
    ]
    assert texts("a.toml", "x = 1\n[agent]\nprompt = 'You are a clerk. Answer briefly.'\n") == [
        ("agent.prompt", "You are a clerk. Answer briefly.", 3, "toml")
    ]
    assert texts("docs/guide.md", "You are here. Answer the question with an example.") == []
    assert texts("page.html.j2", "<p>You are here, {{ name }}. Answer the question.</p>") == []


def test_broken_files_are_named_with_their_line() -> None:
    assert scan_bytes(b"prompt: Say it now.\nb: [1\nc: 2\n", "x.yaml").skipped[0].line > 1
    assert scan_bytes(b"prompt = 'Say it now.'\nb = \n", "x.toml").skipped[0].line == 2
    assert scan_bytes(b"prompt: !!python/object:os.system 'Say it now.'\n", "x.yaml").skipped == ()
    assert scan_bytes(b"a: &a [*a, *a]\nb: 'You are a clerk who must answer.'\n", "x.yaml").skipped == ()
    assert "no TOML" in scan_bytes(b"prompt = 'Say it now.'\nb = " + b"1" * 5000, "x.toml").skipped[0].why


@pytest.mark.timeout(30)
def test_a_module_whose_texts_give_too_much_together_is_named() -> None:
    text = "0" * 360_000
    lines = [f'a = "{text}"', *(f'p{number} = "Say it. " + a' for number in range(40))]
    (skipped,) = scan_bytes("\n".join(lines).encode(), "prompts.py").skipped
    assert skipped.why == "its texts can give more than 10,000,000 characters together"


@pytest.mark.timeout(20)
def test_few_aliases_that_stand_for_many_values_are_named() -> None:
    lines = ["prompt: Say it now.", "a0: &a0 [x, y, z]"]
    lines += [f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 3)}]" for number in range(1, 17)]
    (skipped,) = scan_bytes("\n".join(lines).encode(), "x.yaml").skipped
    assert "that aliases stand for" in skipped.why


def test_parameters_are_found_where_they_are_hard_coded() -> None:
    source = b"""
DEFAULT_TEMPERATURE = 0.2
def call(client, temperature=0.7, top_k=5):
    random.seed(7)
    search(top_k=3)
    client.chat.completions.create(max_tokens=100, seed=7, temperature=temperature, top_p=None)
    client.embeddings.create(model="text-embedding-3-small", dimensions=256)
BODY = {"temperature": 0, "stop": ["END"]}
NAMES = {"max_tokens": "max_gen_len", "top_p": ..., "temperature": "0.5", "reasoning_effort": "low"}
"""
    found = scan_bytes(source, "a.py").parameters
    assert [(each.name, each.value, each.symbol) for each in found] == [
        ("DEFAULT_TEMPERATURE", "0.2", ""),
        ("temperature", "0.7", "call"),
        ("max_tokens", "100", "call"),
        ("seed", "7", "call"),
        ("dimensions", "256", "call"),
        ("stop", "['END']", ""),
        ("temperature", "0", ""),
        ("reasoning_effort", "'low'", ""),
        ("temperature", "'0.5'", ""),
    ]


def test_halves_of_characters_are_read_as_they_are_sent() -> None:
    source = b'SYSTEM_PROMPT = "You are a helpful \\ud800 assistant \\ud83d\\ude00 of %(na\\udfffme)s."\n'
    found = scan_bytes(source, "a.py")
    assert found.skipped == ()
    [prompt] = found.prompts
    assert prompt.template.text == "You are a helpful \ufffd assistant \U0001f600 of %(na\ufffdme)s."
    assert len(prompt.template.version) == 12


def test_models_are_named_with_their_state() -> None:
    source = (
        b'A = "text-embedding-3-small"\nB = "gpt-9-0613"\nif "gpt-4" in A: pass\n'
        b'C = "gpt-4 is a model"\nD = "claude-99-huge"\n'
    )
    found = scan_bytes(source, "a.py").models
    assert [(each.model, each.line, each.state) for each in found] == [
        ("text-embedding-3-small", 1, "known"),
        ("gpt-9-0613", 2, "dated"),
        ("claude-99-huge", 5, "unknown"),
    ]


def test_keys_are_found_and_masked() -> None:
    text = f'first = 1\nkey = "{KEY}"\n'
    (left,) = keys_in(text, "a.py")
    assert (left.line, left.kind) == (2, "Anthropic")
    assert left.masked == f"sk-ant-… ({len(KEY)} characters)"
    assert KEY[10:] not in str(left)
    assert [each.path for each in scan_bytes(text.encode(), "tests/.env").keys] == ["tests/.env"]


@pytest.mark.parametrize(
    "text", ["sk-ant-your-key-goes-in-here-please-xx", "sk-" + "a" * 40, "task-" + "q8" * 20]
)
def test_stand_ins_for_keys_are_left_out(text: str) -> None:
    assert keys_in(f'key = "{text}"', "a.py") == []
