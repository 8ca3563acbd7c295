"""Each public function of `headgate.statistics` names the paper that it comes from."""

import ast
import re

from tests.structure.source import ROOT

PACKAGE = ROOT / "src" / "headgate" / "statistics"
PLAIN = {
    *("judged_bounds.turned", "moments.moments_of", "moments.pooled", "sequences.interval_of"),
    *("wordings.summed", "wordings.unusual"),
}
"""Arithmetic that no paper is needed for. What `model` holds are types and checks of data."""


LOCATED = re.compile(
    r"\b(sections?|chapter|appendix|equations?|Theorem|Lemma|Definition|rule|method|page) [(0-9A-Z]"
    r"|\b(its|their) (appendix|plug-in|predictable plug-in)|\bappendix\b"
)
"""Where in a paper: an equation, section or theorem, or the page."""

UNREAD = {
    "allocation.mismatch_at_one_look": "Pearson's chi-square, which the paper uses as it is",
    "allocation.mismatch_at_every_look": "the numbers of the proceedings and of arXiv differ",
    "contrasts.contrast": "Biometrika of 1947 was not at hand",
    "contrasts.against_margin": "the journal of 1987 was not at hand",
    "effects.paired_difference": "by its topic: read as a summary",
    "distances.energy_distance": "by the statistic's name",
    "distances.energy_test": "by the statistic's name",
    "frontier.frontier": "the journal was not at hand",
    "judges.corrected_share": "the journal was not at hand; sections of 2511.21140 moved since",
    "judges.likeness_of": "a formula of one line that has the author's name",
    "judges.position_bias": "by its topic: preference fairness",
    "multiplicity.e_benjamini_hochberg": "by the procedure's name: numbers of journal and arXiv differ",
    "multiplicity.holm": "the journal of 1979 was not at hand",
    "multiplicity.combined_evidence": "the journal was not at hand",
    "power.units_for_every_look": "follows from `sequences.radius`",
    "proportions.clustered_share": "the journal was not at hand",
    "repeatability.flip_rate": "a letter of one page",
    "sequences.always_valid_p": "by its topic: the normal mixture",
    "sequences.apart": "the union bound",
    "sequences.planned_radius": "the reflection principle, at every moment",
    "transfer.transfer_gap": "its formula stands there",
    "units.by_arm": "by its topic: the unit of analysis",
    "wordings.wording_of": "by the methods' names",
}
"""Sources whose place was not read, and why: named by what they say, and not by a number that is made up."""


def public() -> dict[str, str]:
    """The docstring of each public function, and of each class that has a source, by module and name."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.glob("*.py")):
        if path.stem in ("__init__", "model"):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                told = ast.get_docstring(node) or ""
                if isinstance(node, ast.FunctionDef) or "Source:" in told:
                    found[f"{path.stem}.{node.name}"] = told
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


def test_a_source_says_where_in_it() -> None:
    """Unless it is another function's, or the place could not be read."""
    vague: set[str] = set()
    for name, text in public().items():
        cited = " ".join(text.split()).partition("Source")[2]
        if cited and not cited.startswith((": as `", ": as there")) and not LOCATED.search(cited):
            vague.add(name)
    assert vague == set(UNREAD)
