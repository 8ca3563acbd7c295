"""Real evaluation data, kept outside the project: agent trials, judges' verdicts, a model before and after.

Tests on them skip where they are not there: they are looked for beside the checkout and in the folder that
HEADGATE_DATA names.
"""

import functools
import gzip
import os
import re
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
import pytest

ROOT = Path(__file__).parent.parent
ANSWER = re.compile(r"boxed\{+(\d+)")
MODELS = (("gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613"), ("gpt-4-0314", "gpt-4-0613"))
TOKENS_MAX = 2000

Row = TypeVar("Row")


class Trial(msgspec.Struct, frozen=True):
    """One try of one task by an agent (tau-bench, airline)."""

    task: int
    trial: int
    reward: float


class Winner(msgspec.Struct, frozen=True):
    """Which answer the judge took, when they were shown in this order."""

    order: str
    winner: str | None


class Judged(msgspec.Struct, frozen=True):
    """One pair of answers, judged (LLMBar); `label` is the better one."""

    subset: str
    item: int
    judge: str
    prompt: str
    label: int
    winners: list[Winner]

    def said(self, order: str) -> int | None:
        """Which answer won in an order, the first time it was asked."""
        said = [winner.winner for winner in self.winners if winner.order == order]
        return int(said[0]) if said and said[0] else None


SetName = Literal["COUNTAHAPPYNUMBER", "SENSITIVEQ", "LEETCODE_EASY"]


class Probe(msgspec.Struct, frozen=True):
    """One question to one model on one day (LLMDrift)."""

    set: SetName
    model: str
    answer: str
    ref_answer: str
    latency: str
    answer_token: str

    @property
    def is_right(self) -> bool:
        """Whether the number in the answer's last box is the right one."""
        return ANSWER.findall(self.answer)[-1:] == ANSWER.findall(self.ref_answer)

    @property
    def length(self) -> float:
        """The answer's tokens as a share of the most that were allowed."""
        return min(1.0, int(self.answer_token) / TOKENS_MAX)


def folder() -> Path:
    """Where the data are; skips the test where they are nowhere."""
    for place in (os.environ.get("HEADGATE_DATA"), ROOT.parent / "shared" / "data"):
        if place and (Path(place) / "llmbar.jsonl.gz").is_file():
            return Path(place)
    pytest.skip("no real data for evaluation; HEADGATE_DATA names the folder of llmbar.jsonl.gz")


@functools.cache
def trials() -> list[Trial]:
    return _read("tau_bench", Trial)


@functools.cache
def judged() -> dict[tuple[str, str], list[Judged]]:
    """The verdicts by judge and prompt."""
    found: dict[tuple[str, str], list[Judged]] = {}
    for row in _read("llmbar", Judged):
        found.setdefault((row.judge, row.prompt), []).append(row)
    return found


@functools.cache
def probes(kept: SetName = "COUNTAHAPPYNUMBER") -> dict[str, list[Probe]]:
    """The answers of one set by model; by default to questions that have one right number."""
    found: dict[str, list[Probe]] = {}
    for row in _read("llmdrift", Probe):
        if row.set == kept:
            found.setdefault(row.model.rpartition("/")[2], []).append(row)
    return found


def _read(name: str, of: type[Row]) -> list[Row]:
    with gzip.open(folder() / f"{name}.jsonl.gz") as lines:
        return [msgspec.json.decode(line, type=of) for line in lines]
