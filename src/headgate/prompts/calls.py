"""Which calls look like model calls, and which of their arguments are prompts or tools.

Pure tables and patterns over dotted names. Read next: `facts`.
"""

import functools
import re

NAMES_KEPT = 8192
"""Names of calls whose reading is remembered."""

ALWAYS = {
    "system_prompt", "system_message", "system_instruction", "system_instructions", "user_prompt",
    "prompt_template", "system_msg", "systemPrompt", "user_message", "instruction",
    "instructions", "system_msgs", "custom_instructions", "additional_instructions",
}  # fmt: skip
"""Arguments that are prompts whatever call takes them."""

OF_MODEL_CALLS = {
    "messages", "prompt", "prompts", "system", "instructions", "instruction", "content", "contents",
    "template", "text", "input", "inputs", "query", "message", "backstory", "goal", "role_description",
    "new_message", "input_list", "user", "human", "prefix", "suffix", "examples", "partial_variables",
    "msg", "question",
}  # fmt: skip
"""Arguments that are prompts where a call looks like a model call."""

MODEL_CALL = re.compile(
    r"(?:^|\.)(?:_?a?ask\w*|a?generate\w*|a?complet(?:e|ion|ions)\w*|chat\w*|a?invoke|a?predict|llm\w*|\w*_llm\w*"
    r"|a?responses?|responses\.create|completions\.create|messages\.(?:create|stream)|chat\.\w+"
    r"|generate_content\w*|send_message\w*|a?query_(?:llm|model|gpt)|call_(?:model|openai|llm|gpt|api)\w*"
    r"|simple_send\w*|send_completion|get_(?:chat|completion|response)\w*|openai_\w+|gpt\w*|converse\w*"
    r"|create_chat_completion|code_ask|Agent|LlmAgent|AssistantAgent|LLMChain|\w*PromptTemplate\w*(?:\.\w+)?"
    r"|PromptBuilder|ChatPromptBuilder|ChatMessage(?:\.\w+)?|\w*(?:System|Human|User|AI|Assistant)Message"
    r"|from_template|from_messages|from_system|from_user|from_assistant|create_react_agent|create_agent|Prompt|with_instructions|Signature)$"
)
"""Calls that look like a model call, or make what one takes."""

FIRST_ARGUMENT = re.compile(
    r"(?:^|\.)(?:_?a?ask\w*|a?generate|generate_content\w*|a?complete|a?completion|a?invoke|a?predict|llm|chat"
    r"|send_message\w*|call_(?:model|openai|llm|gpt)\w*|query_(?:llm|model|gpt)|\w*_llm|simple_send\w*"
    r"|PromptTemplate|\w*(?:System|Human|User|AI|Assistant)Message|from_template|from_messages|from_system"
    r"|from_user|from_assistant|create_chat_completion|gpt\w*|with_instructions)$"
)
"""Calls whose positional arguments are prompts."""

NO_MODEL_CALL = re.compile(
    r"(?:^|\.)(?:logger|log|logging|console|print|st|parser|subprocess|io|typer|click|Prompt|Confirm|questionary)\."
    r"|ask_(?:human|user|and_print)"
)
AGENT = re.compile(r"(?:^|\.)\w*Agent$")
"""What is made of instructions, of which a description is one."""

SPEAKERS = {"system", "human", "user", "ai", "assistant", "developer"}


@functools.lru_cache(maxsize=NAMES_KEPT)
def is_model_call(called: str) -> bool:
    """Whether a dotted name looks like a model call, or like what makes a message or a template."""
    return MODEL_CALL.search(called) is not None and NO_MODEL_CALL.search(called) is None


@functools.lru_cache(maxsize=NAMES_KEPT)
def takes_prompt(called: str, argument: str) -> bool:
    """Whether an argument of a call is a prompt; `argument` is a keyword, or a position in digits."""
    if argument in ALWAYS:
        return True
    if not is_model_call(called):
        return False
    if argument == "1" and called.rpartition(".")[2] == "Signature":
        return True  # of DSPy: what goes in and out, then the instructions
    if argument == "description":
        return AGENT.search(called) is not None
    if argument.isdigit():
        return FIRST_ARGUMENT.search(called) is not None
    return argument in OF_MODEL_CALLS


TOOL_MAKERS = re.compile(
    r"(?:^|\.)(?:tool|function_tool|ai_function|kernel_function|StructuredTool(?:\.from_function)?|Tool|FunctionTool"
    r"(?:\.from_defaults)?|from_function|register_function|register_for_llm|bind_tools|convert_to_openai_tool"
    r"|pydantic_function_tool|tool_plain)$"
)
"""Calls and decorators that make a tool of a function, of which the model is told what it does."""


def is_memory(called: str, keywords: frozenset[str]) -> bool:
    """Whether a call keeps what it takes, for a person or a session."""
    name = called.rpartition(".")[2]
    if name in ("add", "add_memory", "insert"):
        return bool(keywords & {"user_id", "agent_id", "run_id", "session_id"})
    return name.startswith(("store_", "save_", "remember", "ingest"))


@functools.lru_cache(maxsize=NAMES_KEPT)
def is_of_parts(name: str) -> bool:
    """Whether a name says that what it is put together of are parts of prompts."""
    return PARTS.search(name) is not None


PARTS = re.compile(r"prompts?$|instructions?$|^system_(?:content|text)$", re.IGNORECASE)


@functools.lru_cache(maxsize=NAMES_KEPT)
def is_tool_maker(called: str) -> bool:
    """Whether a call or decorator makes a tool."""
    return TOOL_MAKERS.search(called) is not None


OTHER_CALLS = re.compile(
    r"(?:^|\.)(?:print|pprint|rprint|echo|secho|log|logger\.\w+|logging\.\w+|debug|info|warn|warning|error|exception"
    r"|critical|add_argument|add_option|Option|Argument|argument|option|tool_output|tool_error|tool_warning"
    r"|confirm_ask|input|write|writelines|markdown|caption|header|subheader|success|execute|executemany|compile"
    r"|sub|match|search|findall|getenv|get|add_parser|ArgumentParser|open|run|Popen|check_output|Exception"
    r"|\w*Error|\w*Exception|HTTPException|sleep|skip|xfail|fail|cprint|st\.\w+|console\.\w+|deprecated|startswith"
    r"|endswith|split|rsplit|index|find|count|Field|set_help|help|abort|notify|toast|report\w*|strftime|strptime"
    r"|create_task|add_newdoc|add_docstring|cast|\w*warn\w*|emit|publish|send_json|JSONResponse|HTMLResponse|Response)$"
)
"""Calls whose texts are for people or machines: nothing in them is taken for a prompt by its looks alone."""

FOR_PEOPLE = re.compile(
    r"(?:^|\.)(?:send_(?:json|text|str|bytes)|emit|publish|broadcast|\w*Response|print|echo)$"
)
"""Calls whose messages go to a person's window: a role in them speaks to no model."""

OTHER_ARGUMENTS = {
    "help", "epilog", "usage", "title", "label", "placeholder", "error", "detail", "reason", "caption",
    "metavar", "description", "desc", "doc", "summary", "version", "url", "path", "name", "headers", "sql",
    "deprecated",
}  # fmt: skip


@functools.lru_cache(maxsize=NAMES_KEPT)
def is_for_others(called: str) -> bool:
    """Whether the texts that a call takes are for people or machines."""
    return OTHER_CALLS.search(called) is not None


@functools.lru_cache(maxsize=NAMES_KEPT)
def is_for_people(called: str) -> bool:
    """Whether the messages that a call takes go to a person's window."""
    return FOR_PEOPLE.search(called) is not None
