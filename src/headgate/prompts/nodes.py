"""Walks syntax trees fast: most of a scan's time goes here.

Pure; never looks at `ctx`, which says only whether a name is read or bound. Read next: `sites`, `flow`.
"""

import ast
from typing import cast

_LEAVES = frozenset({ast.Name, ast.Constant, ast.Pass, ast.Import, ast.ImportFrom, ast.Global, ast.Break})


def children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes right below a node, in order."""
    if node.__class__ in _LEAVES:
        return []
    found: list[ast.AST] = []
    for name in node._fields:
        if name == "ctx":
            continue
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            found.append(value)
        elif isinstance(value, list):
            found.extend(each for each in cast("list[object]", value) if isinstance(each, ast.AST))
    return found
