"""Bodies of models of Bedrock's that know a prompt and a text: Titan's and Llama's. Pure, and mostly data.

What a body says beyond these words stays as it came. Source: Amazon Bedrock, inference parameters of Titan
and Llama. Read next: `bodies`.
"""

from typing import Final, Literal, cast

import msgspec

from headgate.core.chat import (
    Candidate,
    ChatAnswer,
    ChatCall,
    Fields,
    Finish,
    FinishReason,
    Message,
    Native,
    Sampling,
    Text,
)
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.wire.dialects.fields import Taking, objects_in, shape_of
from headgate.wire.usage import usage_of

OWN: Final[Literal["bedrock-invoke"]] = "bedrock-invoke"


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """How one family spells a call and an answer."""

    name: str
    prompt: str
    settings: str = ""
    """The object that holds the settings; empty where they stand beside the prompt."""
    limit: str
    top_p: str
    stop: str = ""
    answers: str = ""
    """The list that holds the answers; empty where the body is the one answer."""
    text: str
    reason: str
    reasons: dict[str, FinishReason]


FAMILIES: Final = (
    Family(
        name="titan",
        prompt="inputText",
        settings="textGenerationConfig",
        limit="maxTokenCount",
        top_p="topP",
        stop="stopSequences",
        answers="results",
        text="outputText",
        reason="completionReason",
        reasons={"LENGTH": "length", "CONTENT_FILTERED": "content_filter"},
    ),
    Family(
        name="llama",
        prompt="prompt",
        limit="max_gen_len",
        top_p="top_p",
        text="generation",
        reason="stop_reason",
        reasons={"length": "length"},
    ),
)


def read_call(family: Family, taking: Taking, model: str) -> ChatCall:
    """Read a call. Raises InvalidRequest for a prompt that is no string."""
    prompt = taking.text(family.prompt)
    if prompt is None:
        raise InvalidRequest(f"{family.prompt} is no string; say something", parameter=family.prompt)
    held = taking.object(family.settings) if family.settings else None
    settings = taking if not family.settings else Taking(held or {})
    stop = settings.texts(family.stop) if family.stop and settings.left.get(family.stop) else None
    limit = settings.whole(family.limit)
    sampling = Sampling(
        temperature=settings.number("temperature"),
        top_p=settings.number(family.top_p),
        stop=tuple(stop or ()),
    )
    if held is not None and settings.left:
        taking.left[family.settings] = settings.left
    shape = f"{family.name} settings" if held is not None else family.name
    return ChatCall(
        dialect=OWN,
        model=model,
        messages=(Message(role="user", parts=(Text(text=prompt),)),),
        sampling=sampling,
        max_output=limit,
        native=taking.native(OWN, shape),
    )


def family_of(native: Native | None) -> Family:
    """The family that a call or answer was read from. Raises InvalidRequest where it is none of them."""
    words = shape_of(native, OWN).split()
    found = next((family for family in FAMILIES if family.name in words), None)
    if found is None:
        raise InvalidRequest("nothing is translated to the bodies of InvokeModel")
    return found


def call_fields(call: ChatCall) -> Fields:
    """A call as it came."""
    family = family_of(call.native)
    texts = [part.text for message in call.messages for part in message.parts if isinstance(part, Text)]
    said: Fields = {
        family.limit: call.max_output,
        "temperature": call.sampling.temperature,
        family.top_p: call.sampling.top_p,
        family.stop: list(call.sampling.stop) or None,
    }
    settings: Fields = {name: value for name, value in said.items() if name and value is not None}
    left = dict(call.native.fields) if call.native is not None else {}
    fields: Fields = {family.prompt: "".join(texts)}
    if family.settings:
        if "settings" in shape_of(call.native, OWN).split():
            beside = left.pop(family.settings, None)
            fields[family.settings] = {
                **settings,
                **(cast("Fields", beside) if isinstance(beside, dict) else {}),
            }
        return {**fields, **left}
    return {**fields, **settings, **left}


def read_answer(family: Family, fields: Fields) -> ChatAnswer:
    """Read a whole answer. Raises UpstreamError for what is none."""
    taking = Taking(fields)
    rows = [fields] if not family.answers else objects_in(taking.left.pop(family.answers, None))
    if rows is None:
        raise UpstreamError(f"the provider's answer has no list of {family.answers}")
    candidates = [_candidate(family, Taking(row), place) for place, row in enumerate(rows)]
    if not family.answers:
        left = candidates[0].native
        taking = Taking(left.fields if left is not None else {})
        candidates = [msgspec.structs.replace(candidates[0], native=None)]
    return ChatAnswer(
        dialect=OWN,
        id="",
        model="",
        candidates=tuple(candidates),
        usage=usage_of(OWN, "chat", fields),
        native=taking.native(OWN, family.name),
    )


def _candidate(family: Family, taking: Taking, place: int) -> Candidate:
    text = taking.text(family.text)
    if text is None:
        raise UpstreamError(f"the provider's answer has no {family.text}")
    word = taking.text(family.reason) if taking.left.get(family.reason) else None
    finish = None if word is None else Finish(reason=family.reasons.get(word, "stop"), native=word)
    return Candidate(parts=(Text(text=text),), finish=finish, index=place, native=taking.native(OWN))


def answer_fields(answer: ChatAnswer) -> Fields:
    """An answer as it came."""
    family = family_of(answer.native)
    rows: list[Fields] = []
    for one in answer.candidates:
        row: Fields = {family.text: "".join(part.text for part in one.parts if isinstance(part, Text))}
        if one.finish is not None:
            row[family.reason] = one.finish.native
        rows.append({**row, **(one.native.fields if one.native is not None else {})})
    left = answer.native.fields if answer.native is not None else {}
    return {family.answers: rows, **left} if family.answers else {**rows[0], **left}
