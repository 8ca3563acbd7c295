"""A wheel has the console's pages in it: `make console` builds them, and this sees that they are there."""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SKIP = "HEADGATE_WITHOUT_CONSOLE"


class ConsoleHook(BuildHookInterface[Any]):
    """Refuses to build a wheel without pages, unless one is asked for."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Look for the built pages; an editable installation is served from the checkout."""
        del build_data
        if self.target_name != "wheel" or version == "editable" or os.environ.get(SKIP):
            return
        if not (Path(self.root) / "src" / "headgate" / "console" / "index.html").is_file():
            raise RuntimeError(
                f"the console's pages are not built; run `make console` first, or set {SKIP}=1 for a wheel "
                "without them"
            )
