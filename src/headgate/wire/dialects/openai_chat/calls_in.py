"""A client's call of OpenAI's chat, read into words. Pure.

Members that have no word (audio, prediction, web_search_options and whatever a family has) stay as they came.
Raises InvalidRequest alone. Source: OpenAI API reference (chat). Read next: `messages`, `tools`, `calls_out`.
"""

from typing import Final, cast

from headgate.core.chat import ChatCall, Fields, Native, Sampling, Thinking, Tool
from headgate.core.faults import InvalidRequest
from headgate.wire.dialects.fields import Taking, decode
from headgate.wire.dialects.openai_chat.messages import read_message
from headgate.wire.dialects.openai_chat.spelling import OWN, filled
from headgate.wire.dialects.openai_chat.tools import read_function, read_tool, take_choice, take_format

LIMITS: Final = ("max_completion_tokens", "max_tokens")
NO_STREAM: Final = "stream:false"
NO_USAGE: Final = "include_usage:false"
ONE_STOP: Final = "stop:text"
LEGACY: Final = "functions"
SWITCHED_ON: Final = "thinking"
SWITCHED_OFF: Final = "thinking:disabled"


def read_call(body: bytes, *, model: str | None = None, stream: bool | None = None) -> ChatCall:
    """Read a call. Raises InvalidRequest, naming the member, for what is none."""
    try:
        fields = decode(body)
        if not isinstance(fields, dict):
            raise InvalidRequest("the body is no JSON object; send one")
        return _read(Taking(cast("Fields", fields)), model, stream)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"the body is no JSON that can be read: {error}") from None


def _read(taking: Taking, model: str | None, stream: bool | None) -> ChatCall:
    words: list[str] = []
    named = taking.text("model")
    name = model if model is not None else named
    if name is None:
        raise InvalidRequest("model is no string; name the model", parameter="model")
    messages = taking.objects("messages")
    if messages is None:
        raise InvalidRequest("messages is no array of objects; send one", parameter="messages")
    streams = _stream(taking, stream, words)
    tools = _tools(taking, words)
    is_legacy = LEGACY in words
    return ChatCall(
        dialect=OWN,
        model=name,
        messages=tuple(read_message(entry, f"messages[{place}]") for place, entry in enumerate(messages)),
        tools=tools,
        tool_choice=take_choice(taking, "function_call" if is_legacy else "tool_choice"),
        parallel_tools=taking.flag("parallel_tool_calls"),
        output=take_format(taking),
        sampling=_sampling(taking, words),
        thinking=take_thinking(taking),
        max_output=_limit(taking, words),
        stream=streams,
        wants_usage=_usage(taking, words) if streams else True,
        user=filled(taking, "user"),
        service_tier=filled(taking, "service_tier"),
        native=taking.native(OWN, " ".join(words)),
    )


def _stream(taking: Taking, stream: bool | None, words: list[str]) -> bool:
    said = taking.flag("stream")
    if said is False:
        words.append(NO_STREAM)
    return bool(said) if stream is None else stream


def _usage(taking: Taking, words: list[str]) -> bool:
    """Whether a stream's client asked for usage (trap 6)."""
    held = taking.left.get("stream_options")
    if not isinstance(held, dict):
        return False
    inner = Taking(cast("Fields", held))
    asked = inner.flag("include_usage")
    if asked is None:
        return False
    if inner.left:
        taking.left["stream_options"] = inner.left
    else:
        del taking.left["stream_options"]
    if not asked:
        words.append(NO_USAGE)
    return asked


def _tools(taking: Taking, words: list[str]) -> tuple[Tool, ...]:
    """Tools, or the functions from before there were any; an empty list is left."""
    if taking.left.get("tools"):
        return tuple(read_tool(entry) for entry in taking.objects("tools") or ())
    if not taking.left.get("functions"):
        return ()
    functions = taking.objects("functions")
    if functions is None:
        return ()
    words.append(LEGACY)
    return tuple(read_function(entry) for entry in functions)


def _sampling(taking: Taking, words: list[str]) -> Sampling:
    stop: tuple[str, ...] = ()
    one = filled(taking, "stop")
    if one is not None:
        words.append(ONE_STOP)
        stop = (one,)
    elif taking.left.get("stop"):
        stop = tuple(taking.texts("stop") or ())
    return Sampling(
        temperature=taking.number("temperature"),
        top_p=taking.number("top_p"),
        top_k=taking.whole("top_k"),
        frequency_penalty=taking.number("frequency_penalty"),
        presence_penalty=taking.number("presence_penalty"),
        seed=taking.whole("seed"),
        stop=stop,
        choices=taking.whole("n"),
        logprobs=taking.flag("logprobs"),
        top_logprobs=taking.whole("top_logprobs"),
        logit_bias=taking.object("logit_bias"),
    )


def _limit(taking: Taking, words: list[str]) -> int | None:
    """The limit of the output, today's member before the old one; the other is left (trap 39)."""
    for name in LIMITS:
        limit = taking.whole(name)
        if limit is not None:
            words.append(name)
            return limit
    return None


def take_thinking(taking: Taking) -> Thinking | None:
    """Take how much to think: `reasoning_effort`, OpenRouter's `reasoning`, or the object `thinking`."""
    effort = filled(taking, "reasoning_effort")
    if effort is not None:
        return Thinking(effort=effort, native=Native(dialect=OWN, shape="reasoning_effort"))
    held = taking.left.get("reasoning")
    if isinstance(held, dict):
        found = _openrouter(Taking(cast("Fields", held)))
        if found is not None:
            del taking.left["reasoning"]
            return found
    held = taking.left.get("thinking")
    if isinstance(held, dict):
        found = _switched(Taking(cast("Fields", held)))
        if found is not None:
            del taking.left["thinking"]
            return found
    return None


def _openrouter(inner: Taking) -> Thinking | None:
    effort, budget = filled(inner, "effort"), inner.whole("max_tokens")
    hidden = inner.flag("exclude")
    if effort is None and budget is None and hidden is None:
        return None
    shown = None if hidden is None else not hidden
    native = inner.native(OWN, "reasoning")
    return Thinking(effort=effort, budget_tokens=budget, is_shown=shown, native=native)


def _switched(inner: Taking) -> Thinking | None:
    """As Anthropic has it, and z.ai and DeepSeek after it: switched on, with a budget, or off."""
    kind = inner.text("type")
    if kind == "disabled":
        return Thinking(budget_tokens=0, native=inner.native(OWN, SWITCHED_OFF))
    if kind != "enabled":
        return None
    return Thinking(budget_tokens=inner.whole("budget_tokens"), native=inner.native(OWN, SWITCHED_ON))
