"""How that is called which people name: projects, environments, budgets, rules, releases.

One form for all, so that an id made of several (`project/name`) can be taken apart again.
"""

import re
from typing import Annotated, Final

import msgspec

SIMPLE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

RUN_TAG: Final = "run:"
"""Begins the tag of one run of a check: there are ever more of them, so sums and facets leave them out."""

Name = Annotated[
    str, msgspec.Meta(pattern=rf"^{SIMPLE_NAME.pattern}(?!\n)$", description="letters, digits, . _ -")
]
"""A name in a body of the API. `$` alone would let a line break pass."""
