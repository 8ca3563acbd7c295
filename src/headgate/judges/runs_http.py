"""The route that holds two runs of checks against each other, without the errors of their judges.

It stands here since a check knows nothing of where people mark. Read next: `checks.pairing`,
`judges.calibrating`.
"""

import asyncio
from typing import Any

import msgspec
from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.checks.correcting import SCALES, Judged, Pairs
from headgate.checks.model import ByJudge
from headgate.checks.pairing import Compared, pair_runs
from headgate.checks.store import Run, RunItem, all_results, get_run
from headgate.judges.calibrating import calibrated
from headgate.judges.model import version_of
from headgate.judges.scorers import judged_of, new_judge_of
from headgate.store.database import Connection


class RunsCompared(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs held against each other, and whether both asked the cases of one version of a dataset."""

    run: RunItem
    against: RunItem
    is_same_dataset: bool
    scorers: list[Compared]


class RunsComparedController(Controller):
    """Runs of checks beside each other."""

    path = "/checks"
    tags = ("checks",)

    @get("/runs/{run_id:str}/comparison", opt={"grant": grant("checks:read")})
    async def compare_runs(
        self, caller: CallerKey, *, database: Store, run_id: FromPath[str], against: FromQuery[str]
    ) -> RunsCompared:
        """Hold a run against another one, case by case: which is better by each scorer, with an interval.

        Cases of one cluster resemble each other, and are compared as one, of so many cases. By a judge it is
        said without the judge's errors, from what people marked of the same version of it.
        """
        projects = visible(caller).project_ids
        async with database.connection() as connection:
            run = await get_run(connection, projects, run_id)
            other = await get_run(connection, projects, against)
            results = await all_results(connection, run.run)
            held_against = await all_results(connection, other.run)
            judged = await _judged(connection, run, other)
        largest = max(run.run.largest_cluster, other.run.largest_cluster)
        scorers = await asyncio.to_thread(pair_runs, results, held_against, largest, judged)
        return RunsCompared(
            run=run.run,
            against=other.run,
            is_same_dataset=bool(run.run.dataset_digest)
            and run.run.dataset_digest == other.run.dataset_digest,
            scorers=scorers,
        )


async def _judged(connection: Connection, run: Run, other: Run) -> dict[str, Judged]:
    """What people marked of the judges by which both were marked, by the scorer's name."""
    found: dict[str, Judged] = {}
    ours, theirs = _judges_of(run), _judges_of(other)
    for name, scorer in (theirs | ours).items():
        if name not in ours or name not in theirs:
            problem = "a judge marked one of the runs alone"
            found[name] = judged_of(scorer, problem=problem)
            continue
        version = version_of(new_judge_of(run.run.name, scorer))
        if version != version_of(new_judge_of(run.run.name, theirs[name])):
            problem = "its judge was another in each run, and each errs in its own way"
            found[name] = judged_of(scorer, problem=problem)
        elif scorer.scale not in SCALES:
            found[name] = judged_of(scorer)
        else:
            told = await calibrated(connection, run.run.project, version)
            pairs = tuple([Pairs(said=each.said, truth=each.truth, count=each.count) for each in told.pairs])
            found[name] = judged_of(scorer, told.judge, pairs)
    return found


def _judges_of(run: Run) -> dict[str, ByJudge]:
    """The judges among a run's scorers, by name, as its client wrote them; what can't be read is none."""
    try:
        definition = msgspec.json.decode(run.definition, type=dict[str, Any])
        scorers = msgspec.convert(definition.get("scorers", []), list[dict[str, Any]])
        judges = [msgspec.convert(each, ByJudge) for each in scorers if each.get("kind") == "judge"]
    except msgspec.ValidationError:
        return {}
    return {each.name: each for each in judges}
