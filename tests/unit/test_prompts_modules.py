"""Which texts of a module are taken for prompts: what reaches a model call, and what looks like one."""

import textwrap

import pytest

from headgate.prompts.modules import prompts_in

PLAIN = "agent.py"


def found(source: str, path: str = PLAIN) -> dict[str, str]:
    """The texts found, by symbol."""
    return {each.symbol: each.template.text for each in prompts_in(textwrap.dedent(source), path)}


def test_a_messages_content_is_found_where_it_stands() -> None:
    prompts = found("""
        def ask(client, city):
            return client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": f"Name the mayor of {city}."}]
            )
    """)
    assert prompts == {"ask.messages[0][content]": "Name the mayor of {city}."}


def test_what_reaches_a_call_is_followed_through_names_parameters_and_returns() -> None:
    prompts = found("""
        TONE = "Keep a friendly tone."
        def head(kind):
            return f"The following is a {kind}."
        class Bot:
            tail = "Do it now, then stop."
            def run(self, client):
                text = head("letter") + self.tail
                text += TONE
                self.send(client, text)
            def send(self, client, prompt):
                client.responses.create(input=prompt, model="m")
    """)
    assert {"TONE", "head", "Bot.tail"} <= prompts.keys()


def test_one_entry_of_a_dictionary_is_reached_and_no_other() -> None:
    prompts = found("""
        TEXTS = {"ask": "Where is the nearest harbour?", "label": "Push here to go on"}
        llm.invoke(TEXTS["ask"])
    """)
    assert prompts == {"TEXTS[ask]": "Where is the nearest harbour?"}


def test_entries_that_are_set_one_by_one_are_symbols() -> None:
    prompts = found(
        """
        PROMPTS = {}
        PROMPTS["extract"] = \"\"\"Extract all entities from {text}.\"\"\".strip()
        PROMPTS["examples"] = ["Example 1: a harbour town", "Example 2: a mountain hut"]
        PROMPTS["none"] = "n/a"
        """,
        "rag/prompt.py",
    )
    assert list(prompts) == ["PROMPTS[extract]", "PROMPTS[examples][0]", "PROMPTS[examples][1]"]


def test_added_texts_of_one_block_are_one_prompt() -> None:
    prompts = found("""
        def build(x):
            prompt = "You are a careful clerk. "
            prompt += f"Sort {x} by date."
            return prompt
    """)
    assert prompts == {"build.prompt": "You are a careful clerk. Sort {x} by date."}


@pytest.mark.parametrize(
    ("source", "symbol"),
    [
        ("chain = PromptTemplate(template='Translate {text} into French.')", "chain.template"),
        ("p = ChatPromptTemplate.from_messages([('system', 'Help people find books.')])", "p[0][1]"),
        ("b = PromptBuilder(template='Answer {{ question }} from the documents.')", "b.template"),
        ("m = SystemMessage('Answer with one single word.')", "m"),
        ("m = SystemMessage(content='Answer with one single word.')", "m.content"),
        ("a = Agent(name='x', instructions='Answer with one single word.')", "a.instructions"),
        ("def f(system_prompt='You are a helpful librarian.'): pass", "f.system_prompt"),
        ("x = [dict(role='user', content='Rename the function to total.')]", "x[0][content]"),
        ("r = client.messages.create(system='Answer with one single word.', messages=m)", "r.system"),
    ],
)
def test_frameworks_are_known(source: str, symbol: str) -> None:
    assert list(found(source)) == [symbol]


def test_a_signature_is_its_docstring_and_fields() -> None:
    prompts = found('''
        class Answer(dspy.Signature):
            """Answer questions with short facts."""
            question = dspy.InputField()
            answer: str = dspy.OutputField(desc="one to five words")
    ''')
    assert list(prompts) == ["Answer"]
    assert prompts["Answer"].splitlines() == [
        "Answer questions with short facts.",
        "question: {question}",
        "answer: one to five words{answer}",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id, name FROM people WHERE you = 'me' AND question IS NOT NULL ORDER BY answer",
        "<html><body>You are here. Please read this and answer the question.</body></html>",
        "Licensed under the Apache License; you may not use this file except as you must.",
        "usage: tool [options]  You must give the question and the answer, please use them",
        r"^(?P<question>\w+)\s+(?P<answer>\d+)$",
        "https://example.com/prompts/you/are/here",
        "MATCH (n:Person) WHERE n.name = 'you' RETURN n.answer",
        "Saved 14 rows to disk.",
        "def answer(question):\n    return you",
    ],
)
def test_what_is_no_prompt_is_left_out(text: str) -> None:
    assert found(f"SYSTEM_PROMPT = {text!r}") == {}


def test_what_people_read_is_left_out() -> None:
    prompts = found('''
        """You are a module. Your task is to answer the question with the given context."""
        parser.add_argument("--x", help="You must give your question here. Answer with a number.")
        logger.info("You are an expert. Your task is to answer the question. Return only JSON.")
        def f():
            """You are an expert. Your task is to answer the question. Return only JSON."""
            raise ValueError("You must provide your question. Please use the answer format.")
    ''')
    assert prompts == {}


def test_a_function_that_is_a_tool_gives_no_prompt() -> None:
    prompts = found("""
        def lookup(x):
            return "No records were found for it."
        agent = Agent(instructions="Help people to find records.", input=lookup)
    """)
    assert list(prompts) == ["agent.instructions"]


def test_a_local_text_that_looks_like_a_prompt_is_found_without_a_call() -> None:
    text = "You are an expert reviewer. Your task is to read {diff} and list its faults. Return only JSON."
    assert found(f"X = {text!r}") == {"X": text}


def test_lines_and_kinds_are_told() -> None:
    source = "\n\nFIRST_PROMPT = (\n    'You are a clerk. '\n    'Answer with a number.'\n)\n"
    (prompt,) = prompts_in(source, PLAIN)
    assert (prompt.line, prompt.kind, prompt.path) == (3, "string", PLAIN)


def test_python_2_is_a_syntax_error_with_its_line() -> None:
    with pytest.raises(SyntaxError) as caught:
        prompts_in("x = 1\nprint 'hello'\n", PLAIN)
    assert caught.value.lineno == 2


def test_what_tells_a_model_of_a_tool_is_found() -> None:
    source = '''
        @tool
        def look_up(city):
            """Look up the mayor of a city."""
        def ring(bell):
            """Ring the bell of the house."""
        def make():
            """Make the tools of the house."""
            return [ring]
        other = Agent(name="host", tools=make())
        def unused(x):
            """Does nothing that a model knows of."""
        TOOLS = [{"type": "function", "function": {
            "name": "walk",
            "description": "Walk to the harbour.",
            "parameters": {"properties": {"pace": {"type": "string", "description": "How fast to walk."}}},
        }}]
        agent = Agent(name="guide", tools=[ring])
        spare = StructuredTool.from_function(func=unused_too, description="Wait for the boat.")
        STRINGS = {"name": "x", "description": "Only shown to people who look at it."}
    '''
    assert found(source) == {
        "look_up": "Look up the mayor of a city.",
        "ring": "Ring the bell of the house.",
        "TOOLS[0][function][description]": "Walk to the harbour.",
        "TOOLS[0][function][parameters][properties][pace][description]": "How fast to walk.",
        "spare.description": "Wait for the boat.",
    }


def test_talk_that_fills_a_memory_is_no_prompt() -> None:
    source = """
        talk = [
            {"role": "user", "content": "I like long walks by the harbour."},
            {"role": "system", "content": "Remember what people say."},
        ]
        memory.add(talk, user_id="ann")
        other = [{"role": "user", "content": "Which walks do I like best?"}]
        client.chat.completions.create(messages=other, model="m")
    """
    assert list(found(source)) == ["talk[1][content]", "other[0][content]"]


def test_a_folder_of_prompts_makes_prompts_of_texts_where_a_file_holds_hardly_anything_else() -> None:
    text = 'CITIES = """The city lies by the sea, and its harbour is old and deep."""\n'
    assert list(found(text, "prompts/cities.py")) == ["CITIES"]
    assert list(found(text + "def walk(far):\n    return far + 1\n" * 9, "prompts/cities.py")) == []
    assert list(found(text, "places/cities.py")) == []


def test_parts_of_what_is_named_a_prompt_are_prompts() -> None:
    source = """
        TONE = "The tone is that of a friend."
        SHORT = "One line is enough for it."
        OTHER = "The lamp is on the left side."
        SYSTEM_PROMPT = f"{TONE} Now."
        INSTRUCTIONS = {"short": SHORT}
    """
    assert {"TONE", "SHORT"} <= found(source).keys()
    assert "OTHER" not in found(source)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("error_message", "You must answer the question, please, before you go on."),
        ("SYSTEM_PROMPT", "Failed to read the answer of the assistant, please try again."),
        ("SYSTEM_PROMPT", "No documents were found"),
        (
            "SYSTEM_PROMPT",
            "WITH ask(you, question) AS (SELECT answer, context FROM user) SELECT you FROM ask",
        ),
        ("SYSTEM_PROMPT", "Lorem ipsum: your task is to answer."),
    ],
)
def test_notices_queries_and_fillers_are_left_out(name: str, text: str) -> None:
    assert found(f"{name} = {text!r}\nllm.invoke({name})") == {}


def test_what_is_raised_or_warned_with_is_no_prompt() -> None:
    source = """
        def check(prompt):
            message = f"You must give a prompt for your question, and answer it. Got {prompt}."
            raise ValueError(message)
        def other(prompt):
            instruction = "You must use the new name. Please answer your question with it."
            warnings.warn(instruction, stacklevel=2)
        def ask(prompt):
            system_prompt = "You are a clerk. Answer the question."
            logger.debug(system_prompt)
            return llm.invoke(system_prompt + prompt)
    """
    assert list(found(source)) == ["ask.system_prompt"]
