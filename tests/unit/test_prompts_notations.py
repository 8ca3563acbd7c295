"""The notations of frameworks and of prompt files, as their users write them."""

import textwrap

import pytest

from headgate.prompts.scanning import scan_bytes


def found(name: str, text: str) -> list[tuple[str, str, str]]:
    """Symbol, text and kind of each prompt of a file."""
    scan = scan_bytes(textwrap.dedent(text).encode(), name)
    assert scan.skipped == ()
    return [(each.symbol, each.template.text, each.kind) for each in scan.prompts]


FILES: list[tuple[str, str, list[tuple[str, str, str]]]] = [
    (
        "skills/Fun/Joke/skprompt.txt",
        "WRITE EXACTLY ONE JOKE about {{$input}}.",
        [("skprompt.txt", "WRITE EXACTLY ONE JOKE about {input}.", "prompt file")],
    ),
    (
        "chains/qa.yaml",
        """\
        _type: prompt
        input_variables: [context, question]
        template: |
          Use the context to answer.
          {context}
        """,
        [("template", "Use the context to answer.\n{context}\n", "yaml")],
    ),
    (
        "config/agents.yaml",
        """\
        reader:
          role: "{topic} Senior Reader"
          goal: Read all that there is on {topic}
          backstory: A quiet person with good eyes.
        """,
        [
            ("reader.role", "{topic} Senior Reader", "yaml"),
            ("reader.goal", "Read all that there is on {topic}", "yaml"),
            ("reader.backstory", "A quiet person with good eyes.", "yaml"),
        ],
    ),
    (
        "config/tasks.yaml",
        """\
        reading:
          description: Look through the shelves for {topic}
          expected_output: A list with ten books on it
          agent: reader
        """,
        [
            ("reading.description", "Look through the shelves for {topic}", "yaml"),
            ("reading.expected_output", "A list with ten books on it", "yaml"),
        ],
    ),
    (
        "promptfooconfig.yaml",
        'prompts:\n  - "Translate this into {{language}}: {{text}}"\nproviders: [openai:gpt-4]\n',
        [("prompts[0]", "Translate this into {language}: {text}", "yaml")],
    ),
    (
        "basic.prompty",
        "---\nname: Basic\nmodel:\n  api: chat\n---\nsystem:\nYou are a clerk of {{name}}.\n\nuser:\n{{q}}",
        [("basic.prompty", "system:\nYou are a clerk of {name}.\n\nuser:\n{q}", "prompt file")],
    ),
    (
        "greet.prompt",
        '---\nmodel: google/gemini\n---\n{{role "system"}}\nGreet {{name}} in a warm way.\n',
        [("greet.prompt", '{role "system"}\nGreet {name} in a warm way.\n', "prompt file")],
    ),
    (
        "app/settings.toml",
        '[prompts]\nsystem = """\nYou are a clerk.\nAnswer {question} now.\n"""\nname = "x"\n',
        [("prompts.system", "You are a clerk.\nAnswer {question} now.\n", "toml")],
    ),
    (
        "rag/answer.jinja2",
        "{% for d in got %}{{ d.text }}{% endfor %}{# no #}\nAnswer the question from what you read: {{ q }}",
        [
            (
                "answer.jinja2",
                "{% for d in got %}{d.text}{% endfor %}\nAnswer the question from what you read: {q}",
                "jinja",
            )
        ],
    ),
    (
        "prompts/letter.hbs",
        "Write to {{{name}}}{{! the reader }} in {{#if formal}}formal{{/if}} words, please.",
        [("letter.hbs", "Write to {name} in {#if formal}formal{/if} words, please.", "mustache")],
    ),
    ("k8s/deployment.yaml", "spec:\n  template:\n    metadata:\n      labels: {app: x}\n", []),
    ("docs/readme.md", "You are reading this. Please answer the questions below, step by step.", []),
]


@pytest.mark.parametrize(("name", "text", "prompts"), FILES, ids=[name for name, _, _ in FILES])
def test_files_of_prompts(name: str, text: str, prompts: list[tuple[str, str, str]]) -> None:
    assert found(name, text) == prompts


def test_templates_of_langchain() -> None:
    source = """
        p = ChatPromptTemplate.from_messages([("system", "You are a {role}."), ("human", "Tell of {place}.")])
        q = PromptTemplate.from_template("Say {{name}} in a loud voice", template_format="mustache")
        r = PromptTemplate(input_variables=["a"], template="Describe the {a} in full detail")
        f = FewShotPromptTemplate(examples=e, prefix="Give the opposite.", suffix="Word: {word}\\nOpposite:")
        s = SystemMessagePromptTemplate.from_template("You help with {thing} matters")
    """
    assert [(symbol, text) for symbol, text, _ in found("a.py", source)] == [
        ("p[0][1]", "You are a {role}."),
        ("p[1][1]", "Tell of {place}."),
        ("q", "Say {name} in a loud voice"),
        ("r.template", "Describe the {a} in full detail"),
        ("f.prefix", "Give the opposite."),
        ("f.suffix", "Word: {word}\nOpposite:"),
        ("s", "You help with {thing} matters"),
    ]


def test_templates_of_haystack() -> None:
    source = '''
        TEXT = """Given these documents, answer.
        {% for doc in documents %}{{ doc.content }}{% endfor %}
        Question: {{ question }}"""
        pipeline.add_component("builder", PromptBuilder(template=TEXT))
        talk = [ChatMessage.from_system("Be brief."), ChatMessage.from_user("Asked: {{ question }}, now.")]
    '''
    prompts = found("a.py", source)
    assert [symbol for symbol, _, _ in prompts] == ["TEXT", "talk[1]"]
    assert prompts[0][1].splitlines()[2].strip() == "Question: {question}"


def test_signatures_of_dspy() -> None:
    source = '''
        class Facts(dspy.Signature):
            """Answer with a short fact."""
            context: list[str] = dspy.InputField(desc="may hold facts")
            answer: str = dspy.OutputField()
        chain = dspy.ChainOfThought("question -> answer")
        other = dspy.Signature("question -> answer", "Answer with all due care.")
        poem = dspy.Predict(Facts.with_instructions("Answer in the form of a poem."))
    '''
    assert found("a.py", source) == [
        (
            "Facts",
            "Answer with a short fact.\ncontext: may hold facts{context}\nanswer: {answer}",
            "signature",
        ),
        ("other", "Answer with all due care.", "string"),
        ("poem", "Answer in the form of a poem.", "string"),
    ]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "x = '" + "{{ " * 60_000 + "'",
        "x = '" + "%(" * 60_000 + "'",
        "x = '" + "MATCH (" * 20_000 + "'",
        'x = "\\' * 60_000,
        "x = '''" + "\\n" * 60_000 + "You must answer.'''",
        "\n" * 300_000 + "def f(:\n",
        "x = '" + "a.b-" * 60_000 + " you must answer'",
        "x = 'You must answer %" + "0" * 60_000 + "!' % x",
        "x = 'You must answer " + "%Y" * 60_000 + "!'",
        "You must answer {{{" + " " * 20_000,
        "You must answer {{" + " " * 20_000,
        "---" + "\n" * 60_000 + "x",
    ],
)
def test_hostile_texts_take_no_time(text: str) -> None:
    scan_bytes(text.encode(), "prompts/a.py")
    scan_bytes(f"prompt: {text!r}\nyou: 1\n".encode(), "prompts/a.yaml")
    for name in ("prompts/a.j2", "prompts/a.mustache", "prompts/a.md"):
        scan_bytes(text.encode(), name)
