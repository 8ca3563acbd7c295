"""What names in arms stand for: labels of prompts and environments, which may move while an experiment runs.

They live in the database, where no file and no version of an experiment has them; so a report says where they
stand and how they moved. Read next: `experiments.reporting`, `experiments/queries.sql`.
"""

from collections.abc import Sequence

from headgate.core.pages import format_datetime
from headgate.experiments.definitions import QUERIES
from headgate.experiments.model import OWN_PREFIX, Experiment
from headgate.experiments.reading import Defined, View
from headgate.experiments.report import Meant, Moved
from headgate.store.database import Connection

Place = tuple[str, str]
"""A prompt and its label; an environment, with nothing beside."""


async def what_is_meant(connection: Connection, found: Defined, view: View) -> list[Meant]:
    """Return what each name in arms stands for in each project, and how it moved since the start."""
    experiment = found.experiment
    labels = [
        (name, meant)
        for arm in experiment.arms
        for name, meant in arm.prompts.items()
        if isinstance(meant, str)
    ]
    environments = [arm.environment for arm in experiment.arms if arm.environment]
    if not labels and not environments:
        return []
    parameters = {
        "names": [name for name, _ in dict.fromkeys(labels)],
        "labels": [label for _, label in dict.fromkeys(labels)],
        "environments": list(dict.fromkeys(environments)),
        "project_ids": view.projects,
        "began": found.started_at,
        "until": min(view.now, found.decided_at or view.now),
    }
    cursor = await connection.execute(QUERIES.names_stand, parameters)
    stands: dict[tuple[str, Place], str] = {
        (project, (name, label)): to for project, name, label, to in await cursor.fetchall()
    }
    cursor = await connection.execute(QUERIES.names_moved, parameters)
    moves: dict[tuple[str, Place], list[Moved]] = {}
    for project, name, label, at, before, after in await cursor.fetchall():
        moved = Moved(at=format_datetime(at), before=before, after=after)
        moves.setdefault((project, (name, label)), []).append(moved)
    return [
        Meant(
            what=_words(place),
            project=project,
            arms=_arms(experiment, place),
            stands_for=stands.get((project, place), ""),
            moves=moves.get((project, place), []),
        )
        for project, place in sorted({*stands, *moves})
    ]


def notes_of(experiment: Experiment, meant: Sequence[Meant]) -> list[str]:
    """Say what moved while it ran, and from when on an arm is one thing alone."""
    own = experiment.name.startswith(OWN_PREFIX)
    anew = "change the rollout's entry" if own else "give the experiment another salt"
    return [
        f"{each.what} in {each.project}, as {' and '.join(each.arms)} is served, moved from "
        f"{each.moves[-1].before or 'nothing'} to {each.moves[-1].after or 'nothing'} on {each.moves[-1].at}"
        f"{_before(each.moves)}; units of before and after count together: to begin anew, {anew}"
        for each in meant
        if each.moves
    ]


def _before(moves: Sequence[Moved]) -> str:
    more = len(moves) - 1
    return f", and {more} {'time' if more == 1 else 'times'} before, since {moves[0].at}" if more else ""


def _words(place: Place) -> str:
    name, label = place
    return f"prompt {name}@{label}" if label else f"the release of {name}"


def _arms(experiment: Experiment, place: Place) -> list[str]:
    name, label = place
    return [
        arm.name
        for arm in experiment.arms
        if (arm.prompts.get(name) == label if label else arm.environment == name)
    ]
