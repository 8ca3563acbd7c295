"""Keeps a run of a check on the server as it goes, and finds there what was known before.

Read next: `headgate.checks.store`, `check_run`.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from headgate.checks.judging import Judgement
from headgate.checks.model import Answer, Check, Mark, Result, Target
from headgate.checks.report import Report
from headgate.checks.running import Place
from headgate.cli.client import Client, Json
from headgate.cli.failure import CommandFailed, Unreachable

BATCH: Final = 50
RUNS: Final = "/checks/runs"

_NOT_DEFINING: Final = ("concurrency", "budget_pico_usd", "timeout_s", "targets", "dataset")
"""What may differ when a run is resumed."""
_LISTS: Final = ("failed", "wrong", "missing")
"""Parts of a report that quote answers; the server has them as results, which erasures reach."""


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is of: a check, a target, the digest of the cases, and the clusters of those in one."""

    check: Check
    target: Target
    digest: str
    clusters: Mapping[str, str] = {}

    @property
    def definition(self) -> Json:
        """What decides what a run finds."""
        told: Json = msgspec.to_builtins(self.check)
        for name in _NOT_DEFINING:
            told.pop(name, None)
        if not self.check.pairwise:
            told.pop("pairwise")
        # As it comes back: lists, where these are tuples.
        return msgspec.json.decode(msgspec.json.encode({**told, "target": self.target}), type=Json)


class Kept:
    """A run on the server. Implements `checks.judging.Judged`; many threads use it."""

    def __init__(
        self, client: Client, run: str, known: Mapping[Place, Result], clusters: Mapping[str, str]
    ) -> None:
        self.run = run
        """Empty once it was taken back, for want of any result."""
        self.known = known
        self.unwritten = 0
        """How many results could not be written, since the server was away."""
        self._client = client
        self._clusters = clusters
        self._lock = threading.Lock()
        self._waiting: list[Json] = []
        self._judged: dict[str, Judgement] = {}

    def tell(self, result: Result) -> None:
        """Keep a result; it is written with some others."""
        cluster = self._clusters.get(result.case)
        self._waiting.append(_kept(result) | ({} if cluster is None else {"cluster": cluster}))
        if len(self._waiting) >= BATCH:
            self._write()

    def get(self, digest: str) -> Judgement | None:
        """Return what a judge said before, in this run or in any other of the project."""
        with self._lock:
            if digest not in self._judged:
                try:
                    found: Json = self._client.post("/checks/judgements", {"digests": [digest]})
                except Unreachable:
                    return None
                for item in found["items"]:
                    said = Judgement(score=item["score"], reason=item["reason"])
                    self._judged[item["digest"]] = said
            return self._judged.get(digest)

    def put(self, digest: str, judgement: Judgement) -> None:
        """Keep what a judge said; the server hears of it with the result."""
        with self._lock:
            self._judged[digest] = judgement

    def write(self) -> None:
        """Write what is left."""
        self._write()
        self.unwritten = len(self._waiting)

    def end(self, report: Report) -> None:
        """Write what is known."""
        if self.unwritten:
            return
        if not report.calls:
            # Nothing came of it that anybody could look at.
            with suppress(CommandFailed):
                self._client.delete(f"{RUNS}/{self.run}")
            self.run = ""
            return
        told: Json = msgspec.to_builtins(report)
        counts = {name: len(told.pop(name)) for name in _LISTS}
        with self._lock:
            self._client.patch(
                f"{RUNS}/{self.run}", {"verdict": report.verdict, "report": {**told, "counts": counts}}
            )

    def _write(self) -> None:
        with self._lock:
            while self._waiting:
                part = self._waiting[:BATCH]
                try:
                    self._client.post(f"{RUNS}/{self.run}/results", {"results": part})
                except Unreachable:
                    return
                del self._waiting[: len(part)]


def begin(client: Client, begun: Begun, dataset: str) -> Kept:
    """Begin a run on the server."""
    new: Json = {
        "name": begun.check.name,
        "target": begun.target.name,
        "dataset": dataset,
        "dataset_digest": begun.digest,
        "definition": begun.definition,
    }
    if begun.clusters:
        new["largest_cluster"] = max(Counter(begun.clusters.values()).values())
    made: Json = client.post(RUNS, new)
    return Kept(client, made["id"], {}, begun.clusters)


def resume(client: Client, run: str, begun: Begun) -> Kept:
    """Go on with a run. Raises CommandFailed where the check or its cases are others by now."""
    shown: Json = client.get(f"{RUNS}/{run}")
    if shown["run"]["dataset_digest"] != begun.digest:
        raise CommandFailed(
            f"run {run} was made with other cases", "leave out --resume, and begin a run with these"
        )
    if shown["definition"] != begun.definition:
        raise CommandFailed(
            f"run {run} was made when the check read otherwise", "leave out --resume, and begin a new run"
        )
    results = [_result(item) for item in client.items(f"{RUNS}/{run}/results")]
    known = {(each.case, each.repeat): each for each in results}
    return Kept(client, run, known, begun.clusters)


def _kept(result: Result) -> Json:
    answer = result.answer
    return {
        "case": result.case,
        "repeat": result.repeat,
        "request_id": answer.request_id,
        "target": answer.target[:200],
        "problem": answer.problem[:2000],
        "cost_pico_usd": answer.cost_pico_usd,
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
        "duration_ms": answer.duration_ms,
        "marks": {name: msgspec.to_builtins(mark) for name, mark in result.marks.items()},
    }


def _result(item: Json) -> Result:
    told: dict[str, Any] = {name: item[name] for name in Answer.__struct_fields__ if name in item}
    marks = {name: msgspec.convert(mark, Mark) for name, mark in item["marks"].items()}
    return Result(case=item["case"], repeat=item["repeat"], answer=msgspec.convert(told, Answer), marks=marks)
