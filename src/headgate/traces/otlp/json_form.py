"""OTLP/JSON as the messages of protobuf, so that both are read by the same code. Pure.

Names are in camel case, ids in hex, other bytes in base64; 64-bit numbers may be text; unknown members are
ignored, and null is as if it were left out (opentelemetry.io/docs/specs/otlp, JSON Protobuf Encoding).
"""

import base64
import binascii
import functools
from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec
from google.protobuf.descriptor import FieldDescriptor

from headgate.traces.otlp.bounds import JSON_VALUES_MAX
from headgate.traces.otlp.reasons import Malformed, Wrong

DEPTH_MAX: Final = 64
_IDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
_INTEGERS: Final = frozenset(
    {
        *(FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT32),
        *(FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64),
        *(FieldDescriptor.TYPE_FIXED32, FieldDescriptor.TYPE_FIXED64),
        *(FieldDescriptor.TYPE_SFIXED32, FieldDescriptor.TYPE_SFIXED64),
    }
)
_NUMBERS: Final = frozenset({FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT})


class _Scope(msgspec.Struct, rename="camel"):
    scope: msgspec.Raw = msgspec.Raw()
    spans: list[msgspec.Raw] | None = None
    log_records: list[msgspec.Raw] | None = None
    metrics: list[msgspec.Raw] | None = None


class _Resource(msgspec.Struct, rename="camel"):
    resource: msgspec.Raw = msgspec.Raw()
    scope_spans: list[_Scope] | None = None
    scope_logs: list[_Scope] | None = None
    scope_metrics: list[_Scope] | None = None


class _Request(msgspec.Struct, rename="camel"):
    resource_spans: list[_Resource] | None = None
    resource_logs: list[_Resource] | None = None
    resource_metrics: list[_Resource] | None = None


class JsonGroup(msgspec.Struct, frozen=True):
    """Items of one scope of one resource, as JSON text."""

    resource: bytes
    scope: bytes
    items: list[msgspec.Raw]


_DECODER: Final = msgspec.json.Decoder(_Request)


def groups(data: bytes) -> Iterator[JsonGroup]:
    """Return what a request holds, of whatever signal. Raises Malformed where it is no such JSON."""
    values = data.count(b",") + data.count(b"[") + data.count(b"{")
    if values > JSON_VALUES_MAX:
        raise Malformed(
            f"the request has more than {JSON_VALUES_MAX} values; send smaller batches, or protobuf"
        )
    try:
        request = _DECODER.decode(data)
    except msgspec.ValidationError as error:
        raise Malformed(f"the request is no OTLP in JSON: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the request is no valid JSON: {error}") from None
    for of_signal in (request.resource_spans, request.resource_logs, request.resource_metrics):
        for one in of_signal or ():
            resource = bytes(one.resource)
            for scope in (*(one.scope_spans or ()), *(one.scope_logs or ()), *(one.scope_metrics or ())):
                items = [*(scope.spans or ()), *(scope.log_records or ()), *(scope.metrics or ())]
                yield JsonGroup(resource, bytes(scope.scope), items)


def fill(message: Any, text: bytes | msgspec.Raw) -> None:
    """Put what a JSON object says into a message. Raises Wrong that names the member."""
    try:
        members: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Wrong("the object", f"is no valid JSON: {error}") from None
    if members is None:
        return
    if not isinstance(members, dict):
        raise Wrong("the object", f"is a JSON {_kind(members)}; it must be an object")
    _fill(message, cast("dict[str, Any]", members), "", 0)


def _fill(message: Any, members: dict[str, Any], where: str, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise Wrong(_place(where, "value"), f"is nested deeper than {DEPTH_MAX}")
    fields = _fields(message.DESCRIPTOR)
    for name, value in members.items():
        field = fields.get(name)
        if field is None or value is None:
            continue
        place = f"{where}.{name}" if where else name
        if field.is_repeated:
            _fill_list(getattr(message, field.name), field, _typed(value, list, place), place, depth)
        elif field.message_type is not None:
            inner = getattr(message, field.name)
            inner.SetInParent()
            _fill(inner, _typed(value, dict, place), place, depth + 1)
        else:
            try:
                setattr(message, field.name, _plain(field, value, place))
            except (ValueError, TypeError, UnicodeEncodeError):
                raise Wrong(_place(place, name), "is out of the range of its type") from None


def _fill_list(target: Any, field: Any, values: list[Any], place: str, depth: int) -> None:
    for number, value in enumerate(values):
        if field.message_type is not None:
            if value is None:
                continue
            _fill(target.add(), _typed(value, dict, f"{place}[{number}]"), f"{place}[{number}]", depth + 1)
        else:
            try:
                target.append(_plain(field, value, place))
            except (ValueError, TypeError, UnicodeEncodeError):
                raise Wrong(_place(place, field.name), "holds what is out of the range of its type") from None


def _plain(field: Any, value: Any, place: str) -> Any:
    kind = field.type
    if kind == FieldDescriptor.TYPE_STRING:
        return _typed(value, str, place)
    if kind in _INTEGERS:
        return _integer(value, place)
    if kind in _NUMBERS:
        return _number(value, place)
    if kind == FieldDescriptor.TYPE_BOOL:
        return _typed(value, bool, place)
    if kind == FieldDescriptor.TYPE_BYTES:
        return _bytes(_typed(value, str, place), place, is_hex=field.name in _IDS)
    if isinstance(value, str):
        named = field.enum_type.values_by_name.get(value)
        if named is None:
            raise Wrong(_place(place, "value"), f"is {value[:64]!r}, which names nothing; write its number")
        return named.number
    return _integer(value, place)


def _integer(value: Any, place: str) -> int:
    if isinstance(value, bool):
        raise Wrong(_place(place, "value"), "is a JSON boolean; it must be a whole number")
    if isinstance(value, str) and len(value) <= 32:
        try:
            return int(value)
        except ValueError:
            raise Wrong(_place(place, "value"), f"is {value[:32]!r}; it must be a whole number") from None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return _typed(value, int, place)


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Wrong(_place(place, "value"), f"is a JSON {_kind(value)}; it must be a number")
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise Wrong(_place(place, "value"), f"is {str(value)[:32]!r}; it must be a number") from None


def _bytes(text: str, place: str, *, is_hex: bool) -> bytes:
    try:
        return bytes.fromhex(text) if is_hex else base64.b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        form = "hex digits" if is_hex else "base64"
        raise Wrong(_place(place, "value"), f"is {text[:64]!r}; it must be {form}") from None


def _typed(value: Any, kind: type, place: str) -> Any:
    if isinstance(value, kind):
        return value
    names = {list: "a list", dict: "an object", str: "text", bool: "true or false", int: "a whole number"}
    raise Wrong(_place(place, "value"), f"is a JSON {_kind(value)}; it must be {names[kind]}")


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list():
            return "list"
        case _:
            return "object"


def _place(place: str, otherwise: str) -> str:
    return place[-120:] or otherwise


@functools.lru_cache(maxsize=256)
def _fields(descriptor: Any) -> dict[str, Any]:
    return dict(descriptor.fields_by_camelcase_name)
