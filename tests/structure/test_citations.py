"""Each public function of `headgate.statistics` names the paper that it comes from."""

import ast

from tests.structure.source import ROOT

PACKAGE = ROOT / "src" / "headgate" / "statistics"
PLAIN = {"sequences.interval_of", "wordings.summed", "wordings.unusual"}
"""Arithmetic that no paper is needed for. What `model` holds are types and checks of data."""


def public() -> dict[str, str]:
    """The docstring of each public function, by module and name; methods belong to their class."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.glob("*.py")):
        if path.stem in ("__init__", "model"):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                found[f"{path.stem}.{node.name}"] = ast.get_docstring(node) or ""
    return found


def test_every_public_function_cites_its_source() -> None:
    known = public()
    assert len(known) > 45
    without = {name for name, text in known.items() if "Source:" not in text and "Sources:" not in text}
    assert without == PLAIN


def test_a_source_that_is_another_functions_leads_to_one() -> None:
    """Where a docstring says `as X`, X is there, and has a source itself."""
    known = public()
    names = {name.split(".")[1]: text for name, text in known.items()}
    for name, text in known.items():
        told = " ".join(text.split())
        if "Source: as `" not in told:
            continue
        other = told.split("Source: as `")[1].split("`")[0].split(".")[-1]
        assert other.isupper() or "Source" in names[other], f"{name} refers to {other}"
