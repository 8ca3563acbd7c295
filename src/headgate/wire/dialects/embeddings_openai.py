"""OpenAI's embeddings, read and written, with what services of the same dialect add (tasks, one prompt).

Pure. Source: OpenAI API reference, `embeddings`; Voyage's `input_type`; Ollama's `prompt`. Read next:
`embeddings`.
"""

from typing import Final, cast

from headgate.core.chat import Fields, Text
from headgate.core.embedding import EmbeddingAnswer, EmbeddingCall, EmbeddingInput, EmbeddingTask, Vector
from headgate.core.faults import InvalidRequest
from headgate.wire.answers import provider_message
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import Taking, objects_in
from headgate.wire.dialects.vectors import data_of, values_of
from headgate.wire.usage import usage_of

_TASKS: Final[dict[str, EmbeddingTask]] = {"query": "query", "document": "document", "passage": "document"}


def read_call(fields: Fields, model: str | None) -> EmbeddingCall:
    """Read a call. Raises InvalidRequest, naming the member."""
    taking = Taking(fields)
    named = taking.text("model")
    flags = [] if named is not None else ["nomodel"]
    inputs = _read_inputs(taking, flags)
    encoding = taking.left.get("encoding_format")
    if encoding in ("float", "base64"):
        del taking.left["encoding_format"]
    kind = taking.left.get("input_type")
    task = _TASKS.get(kind) if isinstance(kind, str) else None
    if task is not None:
        del taking.left["input_type"]
        flags.append(f"task={kind}")
    return EmbeddingCall(
        dialect="openai",
        model=model or named or "",
        inputs=inputs,
        dimensions=taking.whole("dimensions"),
        task=task,
        encoding="base64" if encoding == "base64" else "float" if encoding == "float" else None,
        user=taking.text("user"),
        fields=taking.left,
        shape=" ".join(flags),
    )


def _read_inputs(taking: Taking, flags: list[str]) -> tuple[EmbeddingInput, ...]:
    name = "input" if "input" in taking.left or "prompt" not in taking.left else "prompt"
    value = taking.left.pop(name, None)
    if name == "prompt":
        flags.append("prompt")
    if isinstance(value, str):
        flags.append("one")
        return (_text(value),)
    if isinstance(value, list):
        items = cast("list[object]", value)
        if items and all(type(item) is int for item in items):
            flags.append("one")
            return (EmbeddingInput(tokens=tuple(cast("list[int]", items))),)
        found = [_item(item) for item in items]
        if found and all(one is not None for one in found):
            return tuple(one for one in found if one is not None)
    raise InvalidRequest(
        f"{name} is neither a text, nor tokens, nor a list of such; send one", parameter=name
    )


def _text(value: str) -> EmbeddingInput:
    return EmbeddingInput(parts=(Text(text=value),))


def _item(value: object) -> EmbeddingInput | None:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list) and value and all(type(one) is int for one in cast("list[object]", value)):
        return EmbeddingInput(tokens=tuple(cast("list[int]", value)))
    return None


def write_call(call: EmbeddingCall, changes: Changes) -> Fields:
    """Write a call."""
    flags = call.shape.split(" ") if call.dialect == "openai" else []
    inputs = [_written_input(one, f"input[{place}]", changes) for place, one in enumerate(call.inputs)]
    name = "prompt" if "prompt" in flags else "input"
    fields: Fields = {name: inputs[0] if "one" in flags and len(inputs) == 1 else inputs}
    if "nomodel" not in flags:
        fields["model"] = call.model
    if call.dimensions is not None:
        fields["dimensions"] = call.dimensions
    if call.user is not None:
        fields["user"] = call.user
    if call.dialect == "openai":
        if call.encoding is not None:
            fields["encoding_format"] = call.encoding
        for flag in flags:
            if flag.startswith("task="):
                fields["input_type"] = flag[5:]
        return {**fields, **call.fields}
    if call.task is not None:
        changes.lose("task", "the target's vectors are the same for every task")
    if call.truncate in ("start", "end"):
        changes.lose("truncate", "the target refuses texts that are too long")
    for member in call.fields:
        changes.alter(member, "openai has no such member")
    return fields


def _written_input(one: EmbeddingInput, where: str, changes: Changes) -> object:
    if one.tokens:
        return list(one.tokens)
    texts = [part.text for part in one.parts if isinstance(part, Text)]
    if len(texts) < len(one.parts):
        changes.alter(where, "openai embeds texts only")
    if len(texts) > 1:
        changes.alter(where, "the texts of one vector are joined by a line end")
    if one.title is not None:
        changes.lose(where, "a text has no title")
    for member in one.fields:
        changes.alter(f"{where}.{member}", "openai has no such member")
    return "\n".join(texts)


def read_answer(fields: Fields, body: bytes) -> EmbeddingAnswer:
    """Read an answer. Raises ValueError for what is none."""
    taking = Taking(fields)
    if isinstance(taking.left.get("embedding"), list):
        values = _numbers(taking.left.pop("embedding"))
        return EmbeddingAnswer(
            dialect="openai",
            model="",
            vectors=(Vector(index=0, values=values),),
            fields=taking.left,
            shape="bare",
        )
    rows = objects_in(taking.left.pop("data", None))
    if rows is None:
        raise ValueError(f"it has no data: {provider_message('openai', body)}")
    usage = taking.left.get("usage")
    return EmbeddingAnswer(
        dialect="openai",
        model=taking.text("model") or "",
        vectors=tuple([_read_row(row, place) for place, row in enumerate(rows)]),
        id=taking.text("id") or "",
        usage=usage_of("openai", "embeddings", cast("Fields", usage)) if isinstance(usage, dict) else None,
        fields=taking.left,
    )


def _read_row(fields: Fields, place: int) -> Vector:
    taking = Taking(fields)
    value = taking.left.pop("embedding", None)
    index = taking.left.get("index")
    if type(index) is int and index >= 0:
        del taking.left["index"]
    else:
        raise ValueError(f"data[{place}] has no index")
    if isinstance(value, str) and value:
        return Vector(index=index, data=value, fields=taking.left)
    return Vector(index=index, values=_numbers(value), fields=taking.left)


def _numbers(value: object) -> tuple[float, ...]:
    if isinstance(value, list):
        items = cast("list[object]", value)
        if all(type(item) is float or type(item) is int for item in items):
            return tuple(cast("list[float]", items))
    raise ValueError("an embedding is no list of numbers")


def write_answer(answer: EmbeddingAnswer, asked: EmbeddingCall, changes: Changes) -> Fields:
    """Write an answer in the encoding that the client asked for."""
    if answer.dialect == "openai":
        if answer.shape == "bare":
            return {"embedding": values_of(answer.vectors[0]), **answer.fields}
        rows = [_own_row(vector, asked) for vector in answer.vectors]
        fields: Fields = {"data": rows}
        if answer.model:
            fields["model"] = answer.model
        if answer.id:
            fields["id"] = answer.id
        return {**fields, **answer.fields}
    del changes  # an answer's vectors are all that there is
    is_base64 = asked.encoding == "base64"
    data: list[Fields] = [
        {
            "object": "embedding",
            "index": vector.index,
            "embedding": data_of(vector) if is_base64 else values_of(vector),
        }
        for vector in answer.vectors
    ]
    tokens = answer.usage.total_input if answer.usage is not None else 0
    return {
        "object": "list",
        "data": data,
        "model": answer.model or asked.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _own_row(vector: Vector, asked: EmbeddingCall) -> Fields:
    """A row in the encoding in which it came, unless the client asked for the other one."""
    wanted = asked.encoding if asked.dialect == "openai" else None
    if vector.data:
        value: object = values_of(vector) if wanted == "float" else vector.data
    else:
        value = data_of(vector) if wanted == "base64" else vector.values
    return {"embedding": value, "index": vector.index, **vector.fields}
