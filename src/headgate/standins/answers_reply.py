"""What a stand-in answers to a conversation: text, tool calls or structured output, and its usage.

Pure: the same settings and the same conversation give the same reply. Each dialect's `answers_*` module
makes the conversation and writes the reply down.
"""

from random import Random

import msgspec

from headgate.catalog.model import MockSettings
from headgate.core.call import Usage
from headgate.standins.answers_hints import Hints
from headgate.standins.answers_schema import Filler
from headgate.standins.answers_text import (
    asked_for,
    compose,
    count_tokens,
    generator,
    split_tokens,
    topic_of,
)
from headgate.standins.answers_tools import calls_for
from headgate.standins.conversation import (
    AUDIO_TOKENS,
    FILE_TOKENS,
    IMAGE_TOKENS,
    MESSAGE_TOKENS,
    Choice,
    Conversation,
    Reply,
)

RESULT_CHARACTERS_MAX = 600
UNFIT = '{"unfit": true}'

_CONVERSATION = msgspec.json.Encoder(order="deterministic")


def reply_to(conversation: Conversation, settings: MockSettings) -> Reply:
    """Answer a conversation. Usage is of all choices; nothing of it is cached yet (see `mock`)."""
    told = msgspec.structs.replace(conversation, cache_key=None, cache_tokens=0)
    body = _CONVERSATION.encode(told)
    identity = generator(settings.seed, "id", body)
    limit = conversation.output_max
    thinking = _thinking(conversation)
    if limit is not None:
        thinking = thinking[: limit // 2]
        limit -= len(thinking)
    choices = tuple(
        _choice(conversation, settings, body, place, limit) for place in range(conversation.choices)
    )
    produced = sum(output_tokens(choice) for choice in choices)
    usage = Usage(input=count_input(conversation), output=produced, reasoning=len(thinking))
    return Reply(
        id=f"{identity.getrandbits(128):032x}",
        model=conversation.model,
        choices=choices,
        usage=usage,
        thinking=thinking,
    )


def count_input(conversation: Conversation) -> int:
    """Count what a conversation has in tokens, its tools and schema included."""
    tokens = MESSAGE_TOKENS
    for turn in conversation.turns:
        tokens += MESSAGE_TOKENS + count_tokens(turn.text)
        tokens += IMAGE_TOKENS * turn.images + AUDIO_TOKENS * turn.audio + FILE_TOKENS * turn.files
        tokens += sum(count_tokens(name) for name in turn.calls)
        tokens += sum(count_tokens(result.text) for result in turn.results)
    for tool in conversation.tools:
        schema = msgspec.json.encode(tool.parameters).decode()
        tokens += count_tokens(f"{tool.name} {tool.description} {schema}")
    if conversation.schema is not None:
        tokens += count_tokens(msgspec.json.encode(conversation.schema).decode())
    return tokens


def output_tokens(choice: Choice) -> int:
    """Count the tokens of one choice: of its text, and of the names and arguments of its calls."""
    return len(choice.tokens) + sum(count_tokens(call.name + call.arguments) for call in choice.calls)


def _choice(
    conversation: Conversation, settings: MockSettings, body: bytes, place: int, limit: int | None
) -> Choice:
    random = generator(settings.seed ^ conversation.seed, f"choice {place}", body)
    calls = calls_for(conversation, random) if conversation.tools else ()
    if calls:
        choice = Choice(calls=calls, finish="tool")
        if limit is None or output_tokens(choice) <= limit:
            return choice
        return Choice(tokens=(), finish="length")
    wanted = settings.output_tokens
    if conversation.schema is not None or conversation.any_json:
        tokens = split_tokens(_structured(conversation, settings, body))
        wanted = None
    elif wanted is not None:
        tokens = split_tokens(compose(random, topic_of(conversation.last_user_text), wanted))[:wanted]
    else:
        tokens = split_tokens(_text(conversation, random))
    return _ended(tokens, conversation.stop, limit)


def _ended(tokens: list[str], stops: tuple[str, ...], limit: int | None) -> Choice:
    """End an answer at the first stop sequence or at the limit, whichever comes first."""
    text = "".join(tokens)
    found = [(text.find(stop), stop) for stop in stops if stop and stop in text]
    if found:
        place, stop = min(found)
        cut = split_tokens(text[:place])
        if limit is None or len(cut) <= limit:
            return Choice(tokens=tuple(cut), finish="stop", stopped_by=stop)
        tokens = cut
    if limit is not None and len(tokens) > limit:
        return Choice(tokens=tuple(tokens[:limit]), finish="length")
    return Choice(tokens=tuple(tokens), finish="stop")


def _text(conversation: Conversation, random: Random) -> str:
    last = conversation.turns[-1]
    if last.results:
        shown = "; ".join(result.text.strip() for result in last.results)[:RESULT_CHARACTERS_MAX]
        return f"Here is what I found: {shown}"
    text = conversation.last_user_text
    wished = asked_for(text)
    if wished is not None:
        return wished
    seen = [
        name for name, count in (("image", last.images), ("audio", last.audio), ("file", last.files)) if count
    ]
    opening = f"I looked at the {' and the '.join(seen)}. " if seen else ""
    return opening + compose(random, topic_of(text), random.randint(16, 48))


def _structured(conversation: Conversation, settings: MockSettings, body: bytes) -> str:
    if conversation.is_unfit:
        return UNFIT
    random = generator(settings.seed ^ conversation.seed, "structured", body)
    said = conversation.last_user_text
    everything = " \n".join(
        turn.text for turn in conversation.turns if turn.role != "assistant" and turn.text
    )
    found = [result.text for turn in conversation.turns for result in turn.results]
    hints = Hints("\n".join([*found, said]) if said else everything, said)
    if conversation.schema is not None:
        value = Filler(conversation.schema, hints, random).fill(conversation.schema)
    else:
        keys = [word for word in Hints(everything).quoted if word.isidentifier()]
        properties = {key: {"type": "string"} for key in dict.fromkeys(keys)} or {
            "answer": {"type": "string"}
        }
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        plain = Hints(said.replace('"', " ").replace("'", " "), said)
        value = Filler(schema, plain, random).fill(schema)
    return msgspec.json.encode(value).decode()


def _thinking(conversation: Conversation) -> tuple[str, ...]:
    if conversation.reasoning_tokens <= 0:
        return ()
    topic = topic_of(conversation.last_user_text)
    random = generator(conversation.seed, "thinking", topic)
    text = f"Let me think about {topic}. " + compose(random, topic, conversation.reasoning_tokens)
    return tuple(split_tokens(text)[: conversation.reasoning_tokens])
