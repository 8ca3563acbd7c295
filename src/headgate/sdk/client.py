"""A server as applications see it. Read next: `sdk.prompts`."""

import re
from pathlib import Path
from typing import Final

from headgate.sdk.cache import PromptCache, default_folder
from headgate.sdk.prompts import Prompts

FRESH_S: Final = 30.0
TIMEOUT_S: Final = 3.0

_ADDRESS: Final = re.compile(r"https?://[^/?#\s]+(?:/[^?#\s]*)?")


class Client:
    """One server, and the key to ask it with.

    `cache_folder` is where prompts are kept for when the server is away (None: the user's own cache folder).
    What was fetched less than `fresh_s` seconds ago is used without asking; an answer is waited for
    `timeout_s` seconds. Raises ValueError for an address that is none.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        cache_folder: str | Path | None = None,
        fresh_s: float = FRESH_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        if not _ADDRESS.fullmatch(base_url):
            raise ValueError(f"{base_url!r} is no address; write such as http://127.0.0.1:4400")
        folder = default_folder() if cache_folder is None else Path(cache_folder)
        server = base_url.rstrip("/").removesuffix("/v1").rstrip("/")
        self.prompts = Prompts(server, api_key, PromptCache(folder), fresh_s=fresh_s, timeout_s=timeout_s)
        """The managed prompts of the key's project."""
