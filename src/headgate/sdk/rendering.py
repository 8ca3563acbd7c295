"""Renders a fetched prompt here, just as a gateway does. Loaded at the first rendering.

Read next: `headgate.prompts.managed.rendering`.
"""

from typing import Any, Literal

import msgspec

from headgate.core.faults import Refused
from headgate.prompts.managed.model import ManagedMessage, ManagedPrompt, ManagedTool, ManagedVersion
from headgate.prompts.managed.rendering import render_call, texts_of

Json = dict[str, Any]


class NotRendered(Exception):
    """A prompt can't be rendered with these variables; says which."""


def version_of(said: Json) -> ManagedVersion:
    """Return a version as templates are rendered from, of what the server says of it."""
    schema = said["response_schema"]
    return ManagedVersion(
        number=said["version"],
        engine=said["engine"],
        messages=tuple(
            ManagedMessage(role=each["role"], content=each["content"]) for each in said["messages"]
        ),
        model=said["model"],
        parameters=said["parameters"],
        tools=tuple(
            ManagedTool(
                name=each["name"],
                description=each["description"],
                parameters=_text(each["parameters"]) if each["parameters"] else "",
            )
            for each in said["tools"]
        ),
        response_schema=None if schema is None else _text(schema),
    )


def messages_of(name: str, version: ManagedVersion, variables: Json, *, strict: bool) -> list[dict[str, str]]:
    """Return the messages with variables put in. Raises NotRendered."""
    try:
        texts = texts_of(name, version, variables, strict=strict)
    except Refused as fault:
        raise NotRendered(fault.message) from None
    return [
        {"role": message.role, "content": text} for message, text in zip(version.messages, texts, strict=True)
    ]


def body_of(
    name: str,
    version: ManagedVersion,
    variables: Json,
    dialect: Literal["openai-chat", "anthropic"],
    *,
    strict: bool,
) -> Json:
    """Return the body of a call in a dialect. Raises NotRendered."""
    reference = {"name": name, "version": version.number, "strict": strict, "variables": variables}
    live = ManagedPrompt(project="", name=name, versions=(version,))
    try:
        rendered = render_call(dialect, msgspec.json.encode({"prompt": reference}), {name: live})
    except Refused as fault:
        raise NotRendered(fault.message) from None
    except (TypeError, OverflowError) as error:
        raise NotRendered(f"variables are no JSON: {error}") from None
    assert rendered is not None
    return msgspec.json.decode(rendered.body)


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
