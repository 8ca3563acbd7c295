"""What Amazon's own description of Converse says of a call, where their SDK is installed."""

import functools
import re
from typing import Any

import pytest


@functools.cache
def operation() -> Any:
    loaders: Any = pytest.importorskip("botocore.loaders", reason="botocore is not installed")
    model: Any = pytest.importorskip("botocore.model")
    described = loaders.create_loader().load_service_model("bedrock-runtime", "service-2")
    return model.ServiceModel(described).operation_model("Converse")


def check_call(body: Any) -> None:
    """Fail where a call breaks a rule: unknown or missing members, types, enumerations, lengths, patterns."""
    broken = list(_broken(operation().input_shape, {"modelId": "m", **body}, ""))
    assert not broken, broken


def check_answer(body: Any) -> None:
    """The same for an answer."""
    broken = list(_broken(operation().output_shape, body, ""))
    assert not broken, broken


_TYPES: dict[str, Any] = {
    "string": str, "integer": int, "long": int, "float": (int, float), "double": (int, float),
    "boolean": bool, "list": list, "map": dict, "structure": dict, "blob": str,
}  # fmt: skip


def _broken(shape: Any, value: Any, where: str) -> Any:
    if getattr(shape, "is_document_type", False):
        return
    if not isinstance(value, _TYPES[shape.type_name]):
        yield f"{where} is no {shape.type_name}"
        return
    yield from _limits(shape, value, where)
    if shape.type_name == "list":
        for place, item in enumerate(value):
            yield from _broken(shape.member, item, f"{where}[{place}]")
    elif shape.type_name == "structure":
        yield from (f"{where}.{name} is unknown" for name in value if name not in shape.members)
        yield from (f"{where}.{name} is missing" for name in shape.required_members if name not in value)
        if getattr(shape, "is_tagged_union", False) and len(value) != 1:
            yield f"{where} holds {sorted(value)}, and is to hold one"
        for name, inner in value.items():
            if name in shape.members:
                yield from _broken(shape.members[name], inner, f"{where}.{name}")


def _limits(shape: Any, value: Any, where: str) -> Any:
    rules = shape.metadata
    if rules.get("enum") and value not in rules["enum"]:
        yield f"{where} is {value!r}"
    size = value if isinstance(value, int | float) else len(value)
    if size < rules.get("min", size) or size > rules.get("max", size):
        yield f"{where} is too small or too great"
    if rules.get("pattern") and isinstance(value, str) and not re.fullmatch(rules["pattern"], value):
        yield f"{where} does not match {rules['pattern']}"
