"""Managed prompts for applications: fetched, kept on disk, rendered here.

`client.prompts.get` asks the server at most every `fresh_s` seconds, and only whether something has changed;
while the server is away the last copy serves. Never sends a variable anywhere. Read next: `sdk.cache`,
`sdk.rendering`.
"""

import time
import warnings
from typing import Any, Final, Literal, cast
from urllib.parse import quote

from headgate.sdk.cache import PromptCache

RETRY_S: Final = 5.0
"""A server that was away is left alone for so long."""
HELD_MAX: Final = 1000
"""How many prompts stay in memory."""
BESIDE: Final = {
    "openai-chat": frozenset({"top_k", "min_p", "repetition_penalty"}),
    "anthropic": frozenset({"temperature", "top_p", "top_k"}),
}
"""What the providers' own clients, or some versions of them, take in `extra_body` alone."""

Json = dict[str, Any]


class PromptError(Exception):
    """A prompt can't be had, or can't be rendered with these variables."""


class PromptUnavailable(PromptError):
    """The server is away, and there is no copy."""


class PromptNotFound(PromptError):
    """The project has no such prompt, version or label, or it is archived."""


class PromptWarning(UserWarning):
    """A copy serves in place of the server, or can't be kept."""


class Prompt:
    """One version of a managed prompt. `stale` says that it is a copy, because the server was away."""

    def __init__(self, said: Json, *, stale: bool, strict: bool) -> None:
        self._said = said
        self._strict = strict
        self._version: Any = None
        self.stale = stale
        self.name: str = said["name"]
        self.version: int = said["version"]
        self.labels: list[str] = said["labels"]
        self.model: str | None = said["model"]
        self.parameters: Json = said["parameters"]
        """By their canonical names."""
        self.tools: list[Json] = said["tools"]
        self.response_schema: Json | None = said["response_schema"]
        self.variables: list[str] = [each["name"] for each in said["variables"]]

    def __repr__(self) -> str:
        return f"<Prompt {self.name}@{self.version}{' stale' if self.stale else ''}>"

    def render(self, /, **variables: Any) -> list[dict[str, str]]:
        """Return the messages with these variables put in. Raises PromptError that names what is missing."""
        from headgate.sdk.rendering import NotRendered, messages_of, version_of  # noqa: PLC0415

        self._version = self._version or version_of(self._said)
        try:
            return messages_of(self.name, self._version, variables, strict=self._strict)
        except NotRendered as error:
            raise PromptError(str(error)) from None

    def openai(self, /, **variables: Any) -> Json:
        """Return keyword arguments of `client.chat.completions.create`: messages, model, parameters, tools.

        Raises PromptError, as `render` does.
        """
        return self._arguments("openai-chat", variables)

    def anthropic(self, /, **variables: Any) -> Json:
        """Return keyword arguments of `client.messages.create`, which needs `max_tokens`, set here or there.

        Raises PromptError, as `render` does.
        """
        return self._arguments("anthropic", variables)

    def _arguments(self, dialect: Literal["openai-chat", "anthropic"], variables: Json) -> Json:
        from headgate.sdk.rendering import NotRendered, body_of, version_of  # noqa: PLC0415

        self._version = self._version or version_of(self._said)
        try:
            body = body_of(self.name, self._version, variables, dialect, strict=self._strict)
        except NotRendered as error:
            raise PromptError(str(error)) from None
        beside = {name: body.pop(name) for name in BESIDE[dialect] & body.keys()}
        return {**body, "extra_body": beside} if beside else body


class Prompts:
    """The managed prompts of the key's project."""

    def __init__(
        self, server: str, key: str, cache: PromptCache, *, fresh_s: float, timeout_s: float
    ) -> None:
        self._server = server
        self._key = key
        self._cache = cache
        self._fresh_s = fresh_s
        self._timeout_s = timeout_s
        self._held: dict[tuple[str, str], Json] = {}
        self._away_until_s = 0.0
        self._warned: set[str] = set()

    def get(
        self, name: str, *, label: str = "production", version: int | None = None, strict: bool = False
    ) -> Prompt:
        """Return a prompt by a label or a version; `strict` refuses variables that it does not read.

        Raises PromptUnavailable where the server is away and there is no copy, PromptNotFound where it says
        that there is no such prompt, PromptError where it refuses the key.
        """
        wanted = label if version is None else str(version)
        place = (name, wanted)
        copy = self._held.get(place)
        path = self._cache.path(self._server, self._key, name, wanted)
        if copy is None:
            copy = self._cache.read(path)
        if copy is not None and self._is_fresh(copy, version):
            self._hold(place, copy)
            return Prompt(copy["said"], stale=False, strict=strict)
        found, why = self._ask(name, wanted, copy)
        if found is None:
            if copy is None:
                raise PromptUnavailable(
                    f"prompt {name!r} ({wanted}) can't be had: {self._server} is away ({why}), and there is "
                    f"no copy in {self._cache.folder}"
                )
            self._warn(f"{self._server} is away ({why}); the copy of prompt {name!r} ({wanted}) serves")
            self._hold(place, copy)
            return Prompt(copy["said"], stale=True, strict=strict)
        self._hold(place, found)
        if not self._cache.write(path, found):
            self._warn(
                f"prompt {name!r} can't be kept in {self._cache.folder}: it is lost when the server is away"
            )
        return Prompt(found["said"], stale=False, strict=strict)

    def _is_fresh(self, copy: Json, version: int | None) -> bool:
        # A version never changes; what a label means may.
        age_s = time.time() - copy.get("fetched_s", 0.0)
        return version is not None or 0 <= age_s < self._fresh_s

    def _ask(self, name: str, wanted: str, copy: Json | None) -> tuple[Json | None, str]:
        """What the server says now; None, and why, where it says nothing."""
        from headgate.sdk.fetching import ServerAway, fetch  # noqa: PLC0415

        if time.monotonic() < self._away_until_s:
            return None, "it was a moment ago"
        url = f"{self._server}/api/v1/prompts/{quote(name, safe='/')}/versions/{quote(wanted, safe='')}"
        try:
            answer = fetch(url, self._key, copy["tag"] if copy else "", self._timeout_s)
        except ServerAway as away:
            self._away_until_s = time.monotonic() + RETRY_S
            return None, str(away)
        if answer.status == 304 and copy is not None:
            return {**copy, "fetched_s": time.time()}, ""
        if answer.status != 200 or answer.body.get("object") != "managed_version":
            raise _refusal(answer.status, answer.body)
        return {"tag": answer.tag, "fetched_s": time.time(), "said": answer.body}, ""

    def _hold(self, place: tuple[str, str], copy: Json) -> None:
        if len(self._held) >= HELD_MAX:
            self._held.clear()
        self._held[place] = copy

    def _warn(self, text: str) -> None:
        """Say something once."""
        about = text.partition("(")[0]
        if about not in self._warned:
            self._warned.add(about)
            warnings.warn(text, PromptWarning, stacklevel=4)


def _refusal(status: int, body: Json) -> PromptError:
    fault: Any = body.get("error")
    message = cast("Json", fault).get("message") if isinstance(fault, dict) else None
    said = str(message or f"the server answered {status}")
    return PromptNotFound(said) if status == 404 else PromptError(said)
