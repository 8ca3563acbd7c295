"""What no tracked file may hold: package registry hosts, paths of somebody's machine, credentials."""

import re
from pathlib import Path

import pytest
from tests.structure.source import ROOT, tracked_files

BYTES_MAX = 4 * 1024 * 1024

# Written so that this file does not hold what it looks for.
ORG = r"\.org"
FORBIDDEN = {
    "a package registry host": re.compile(
        r"(?:files|simple|registry|deb|index|upload)\.(?:py" + r"pi|pythonhosted|npm" + rf"js|debian){ORG}"
        rf"|(?:py" + r"pi|pythonhosted|npm" + rf"js|debian){ORG}/(?:simple|packages)"
    ),
    "a path of somebody's machine": re.compile(
        r"(?<![A-Za-z0-9_.])/(?:wo" + r"rk|fa" + r"rm|Us" + r"ers|ho" + r"me)/\w"
    ),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE" + r" KEY-----"),
    "a provider key": re.compile(r"\bsk-(?:proj|ant)-(?!0123456789)[A-Za-z0-9]{24,}"),
    "a note of who wrote it": re.compile(
        r"Co-Authored" + r"-By|Generated" + r" (?:by|with) (?:an )?AI", re.IGNORECASE
    ),
}


def texts() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for path in tracked_files():
        text = read(path)
        if text is not None:
            found.append((str(path.relative_to(ROOT)), text))
    return found


def read(path: Path) -> str | None:
    if path.stat().st_size > BYTES_MAX:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_holds(what: str) -> None:
    pattern = FORBIDDEN[what]
    found = [
        f"{where}:{text[: match.start()].count(chr(10)) + 1}"
        for where, text in texts()
        for match in pattern.finditer(text)
    ]
    assert not found, f"{what} stands in {', '.join(found[:10])}"


def test_the_patterns_find_what_they_are_for() -> None:
    samples = {
        "a package registry host": "https://" + "py" + "pi.org/simple",
        "a path of somebody's machine": "see /" + "home/anna",
        "a private key": "-----BEGIN PRIVATE" + " KEY-----",
        "a provider key": "sk-" + "proj-" + "abcdefghijklmnopqrstuvwxyz",
        "a note of who wrote it": "Co-Authored" + "-By: someone",
    }
    assert samples.keys() == FORBIDDEN.keys()
    for what, sample in samples.items():
        assert FORBIDDEN[what].search(sample), what


def test_versions_are_pinned_exactly() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert len(pins) > 50
    assert not [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", pin)]
    assert not [pin for pin in pins if pin.startswith(("torch==", "nvidia"))]
