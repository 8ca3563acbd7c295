"""The fields of a multipart form, as far as a stand-in needs them: values, and sizes of files. Pure.

Source: RFC 7578. Never writes a file down.
"""

import re

import msgspec

FIELDS_MAX = 100

_NAME = re.compile(rb'[;\s]name="([^"\r\n]*)"')
_BOUNDARY = re.compile(r'boundary="?([^";,\s]+)"?', re.IGNORECASE)


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """Values by name, and the bytes of all files together."""

    fields: dict[str, str]
    files_bytes: int


def read_form(body: bytes, content_type: str) -> Form | None:
    """Read a form; None when the content type names no boundary."""
    found = _BOUNDARY.search(content_type)
    if not found:
        return None
    fields: dict[str, str] = {}
    size = 0
    for section in body.split(b"--" + found[1].encode())[1 : FIELDS_MAX + 1]:
        head, _, value = section.partition(b"\r\n\r\n")
        named = _NAME.search(head)
        if not named:
            continue
        value = value.removesuffix(b"\r\n")
        if b"filename=" in head:
            size += len(value)
        else:
            fields[named[1].decode("utf-8", "replace")] = value.decode("utf-8", "replace")
    return Form(fields=fields, files_bytes=size)
