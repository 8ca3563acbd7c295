"""Replays many calls, or a dataset's cases, without pieces of their contexts: what helped over all of them.

What came of each is kept on the server as it comes; the same command goes on where it ended. Read next:
`headgate.grounding.studied`, `grounding_run`.
"""

from collections.abc import Sequence
from typing import Any, Final, cast
from urllib.parse import quote

import msgspec

from headgate.checks.judging import Judge
from headgate.cli.check_cases import fetched
from headgate.cli.client import Json
from headgate.cli.command import Api
from headgate.cli.failure import CommandFailed
from headgate.cli.grounding import Replaying, Selecting
from headgate.cli.looking_back import begin_of
from headgate.cli.model_calls import ModelCalls, budget_of, calling
from headgate.cli.output import NOTHING, Column, moment
from headgate.cli.progress import Bars
from headgate.core.faults import InvalidRequest
from headgate.core.money import format_usd, parse_usd
from headgate.grounding.model import Grounds
from headgate.grounding.replaying import REPEATS_MAX, Plan, replay
from headgate.grounding.rules import lot_of
from headgate.grounding.studied import PIECES_MAX, StudiedCall
from headgate.grounding.subjects import NO_CONTEXT, Subject, chosen_pieces, studied_of, subject_of_case

TAG: Final = "grounding"
STUDIES: Final = "/grounding/studies"
CALLS_MAX: Final = 500
LISTED_MAX: Final = 2000
"""Of so many of the newest calls that match, some are taken by chance."""


def _number(value: Any) -> str:
    return NOTHING if value is None else f"{float(value):+.2f}"


def _often(value: Json) -> str:
    if value["low"] is None:
        return str(value["pieces"])
    return f"{value['pieces']} ({100 * value['low']:.0f} to {100 * value['high']:.0f} %)"


GROUPS: Final = (
    Column("by", "by"),
    Column("pieces that are", "name"),
    Column("pieces", "pieces", right=True),
    Column("cases", "cases", right=True),
    Column("did", "did"),
    Column("score", "difference", _number, right=True),
    Column("from", "low", _number, right=True),
    Column("to", "high", _number, right=True),
    Column("answers apart", "change", _number, right=True),
    Column("helped", "helped", _often, right=True),
    Column("harmed", "harmed", _often, right=True),
    Column("used", "used", _often, right=True),
    Column("nothing shows", "idle", _often, right=True),
    Column("untold", "unknown", right=True),
)
LISTED: Final = (
    Column("study", "id"),
    Column("of", "of"),
    Column("calls", "calls", right=True),
    Column("USD", "cost"),
    Column("began", "began_at", moment),
    Column("ended", "ended"),
)


def replay_many(api: Api, replaying: Replaying, selecting: Selecting) -> int:
    """Replay what is selected, in the order of lots, as far as budget and bounds go."""
    _check(replaying, selecting)
    budget = budget_of(replaying.budget)
    definition: Json = {
        **{name: getattr(replaying, name) for name in ("repeats", "judge", "rubric", "expected")},
        **{name: getattr(selecting, name) for name in ("dataset", "since", "model", "tag", "pieces")},
    }
    found: Json = {"study": {"id": ""}, "subjects": []}
    if not selecting.dry_run:
        new = {"definition": definition, "dataset": (selecting.dataset or "").partition("@")[0]}
        found = api.client.post(STUDIES + _project(selecting), new)
    known = set(cast("list[str]", found["subjects"]))
    subjects, problems = _subjects(api, selecting, known)
    api.out.say(_announced(subjects, replaying, len(known), len(problems)))
    if selecting.dry_run:
        return 0
    study: str = found["study"]["id"]
    _tell(api, study, problems)
    with calling(api, TAG, f"study:{study}") as ask, Bars() as bars:
        ended = _Study(api, study, replaying, ask).go(subjects, budget, bars)
    _tell(api, study, [], ended)
    if ended:
        api.out.say(f"{ended}: the same command goes on where this one ended")
    show_studies(api, study)
    return 0


def show_studies(api: Api, study: str | None) -> None:
    """List studies, or print what one found."""
    if study is None:
        items = api.client.items(STUDIES, limit=50)
        rows = [{**each, "of": _of(each), "cost": format_usd(each["cost_pico_usd"])} for each in items]
        api.out.rows(rows, LISTED, empty="No study yet; `headgate grounding replay --since 1d` makes one.")
        return
    shown: Json = api.client.get(f"{STUDIES}/{study}")
    if api.out.as_json:
        api.out.json(shown)
        return
    findings: Json = shown["findings"]
    api.out.text(f"{findings['sentence']}.")
    api.out.rows(findings["groups"], GROUPS, empty="")
    for reason, count in findings["left_out"].items():
        api.out.text(f"{count} left out: {reason}")
    item: Json = shown["study"]
    api.out.text(f"study {item['id']}: {item['calls']} calls, {format_usd(item['cost_pico_usd'])} USD")


class _Study:
    """Replays one subject after the other, and tells the server of each."""

    def __init__(self, api: Api, study: str, replaying: Replaying, ask: ModelCalls) -> None:
        self._api = api
        self._study = study
        self._replaying = replaying
        self._ask = ask
        self._judge = None
        if replaying.judge is not None:
            self._judge = Judge(model=replaying.judge, rubric=replaying.rubric, scale=(0, 4))

    def go(self, subjects: Sequence[Subject], budget: int | None, bars: Bars) -> str:
        """Return why it ended early; nothing where all were replayed."""
        advance = bars.bar("replays")
        calls = [self._replaying.repeats * (1 + len(each.pieces)) for each in subjects]
        spent = dearest = done = 0
        for subject, count in zip(subjects, calls, strict=True):
            # One call may cost what the dearest so far did, for each that is made.
            if budget is not None and spent + dearest * count > budget:
                return f"the budget lasts for {format_usd(spent)} USD of {format_usd(budget)}"
            try:
                plan = Plan(
                    grounds=subject.grounds,
                    model=subject.model,
                    body=subject.body,
                    pieces=subject.pieces,
                    repeats=self._replaying.repeats,
                    judge=self._judge,
                    expected=subject.expected or self._replaying.expected,
                )
                before = done
                replayed = replay(
                    plan, self._ask, lambda now, of, before=before: advance(before + now, sum(calls))
                )
            except InvalidRequest as fault:
                _tell(self._api, self._study, [_left_out(subject.id, subject.request_id, fault.message)])
                done += count
                continue
            done += count
            spent += replayed.cost_pico_usd
            dearest = max(dearest, -(-replayed.cost_pico_usd // count))
            _tell(self._api, self._study, [studied_of(subject, replayed)])
        return ""


def _check(replaying: Replaying, selecting: Selecting) -> None:
    """Raise CommandFailed for what can't be."""
    if (selecting.dataset is None) == (selecting.since is None):
        raise CommandFailed(
            "it is not said which calls to replay", "name a request, or one of --dataset NAME and --since 1d"
        )
    if selecting.dataset is not None and not selecting.model:
        raise CommandFailed("it is not said which model reads the cases", "write --model MODEL")
    if replaying.without:
        raise CommandFailed("--without names pieces of one call", "name the request, or leave --without out")
    if not (2 <= replaying.repeats <= REPEATS_MAX and 1 <= selecting.pieces <= PIECES_MAX):
        raise CommandFailed(
            f"--repeats {replaying.repeats} with --pieces {selecting.pieces} can't be",
            f"take 2 to {REPEATS_MAX} repeats, and 1 to {PIECES_MAX} pieces",
        )
    if not 1 <= selecting.most <= CALLS_MAX:
        raise CommandFailed(f"--most is {selecting.most}", f"take 1 to {CALLS_MAX}")


def _subjects(api: Api, selecting: Selecting, known: set[str]) -> tuple[list[Subject], list[StudiedCall]]:
    """What is to be replayed, in the order of lots, and what can't be."""
    subjects: list[Subject] = []
    problems: list[StudiedCall] = []
    if selecting.dataset is not None:
        name, _, version = selecting.dataset.partition("@")
        cases = fetched(api.client, name, version, selecting.project)
        for case in sorted(cases, key=lambda each: lot_of(each.id))[: selecting.most]:
            if case.id in known:
                continue
            try:
                subjects.append(subject_of_case(case, selecting.model or "", selecting.pieces))
            except InvalidRequest as fault:
                problems.append(_left_out(case.id, "", fault.message))
        return subjects, problems
    with Bars() as bars:
        advance = bars.bar("reading calls")
        chosen = [each for each in _requests(api, selecting) if each["id"] not in known]
        for number, item in enumerate(chosen, 1):
            found = _subject_of_request(api, item, selecting.pieces)
            if isinstance(found, Subject):
                subjects.append(found)
            else:
                problems.append(found)
            advance(number, len(chosen))
    return subjects, problems


def _requests(api: Api, selecting: Selecting) -> list[Json]:
    assert selecting.since is not None
    begin = begin_of(selecting.since)
    if begin is None:
        raise CommandFailed(f"--since {selecting.since!r} is not understood", "write 15m, 1h or 1d")
    parameters: dict[str, Any] = {"from": begin, "model": selecting.model, "tag": selecting.tag}
    items = api.client.items("/requests", limit=LISTED_MAX, project=selecting.project, **parameters)
    chat = [each for each in items if each["operation"] == "chat" and TAG not in each["tags"]]
    return sorted(chat, key=lambda each: lot_of(each["id"]))[: selecting.most]


def _subject_of_request(api: Api, item: Json, most: int) -> Subject | StudiedCall:
    identity: str = item["id"]
    detail: Json = api.client.get(f"/requests/{identity}")
    body = detail.get("request")
    if not isinstance(body, dict) or detail.get("request_truncated"):
        return _left_out(identity, identity, "its body is not on record, or not whole")
    grounds = msgspec.convert(api.client.get(f"/requests/{identity}/grounding"), Grounds)
    if grounds.problem:
        return _left_out(identity, identity, grounds.problem)
    try:
        pieces = chosen_pieces(identity, grounds.pieces, most)
    except InvalidRequest:
        return _left_out(identity, identity, NO_CONTEXT)
    cost: str | None = detail.get("cost_usd")
    return Subject(
        id=identity,
        request_id=identity,
        cluster=str(detail.get("session") or ""),
        model=str(detail.get("model") or ""),
        body=cast("dict[str, Any]", body),
        grounds=grounds,
        pieces=pieces,
        cost_pico_usd=None if cost is None else parse_usd(cost),
    )


def _left_out(identity: str, request: str, problem: str) -> StudiedCall:
    return StudiedCall(subject=identity, request_id=request, problem=problem[:500])


def _tell(api: Api, study: str, calls: Sequence[StudiedCall], ended: str = "") -> None:
    for start in range(0, max(1, len(calls)), 50):
        told: Json = {"calls": msgspec.to_builtins(list(calls[start : start + 50])), "ended": ended[:200]}
        api.client.post(f"{STUDIES}/{study}/replays", told)


def _announced(subjects: Sequence[Subject], replaying: Replaying, known: int, problems: int) -> str:
    """What it takes, before anything is spent."""
    calls = [replaying.repeats * (1 + len(each.pieces)) for each in subjects]
    pieces = sum(len(each.pieces) for each in subjects)
    said = f"{len(subjects)} cases with {pieces} pieces: {sum(calls)} calls"
    if replaying.judge is not None:
        said += f", and as many marks by {replaying.judge}"
    costs = [each.cost_pico_usd for each in subjects]
    if subjects and None not in costs:
        expected = sum(count * (cost or 0) for count, cost in zip(calls, costs, strict=True))
        said += f"; about {format_usd(expected)} USD at what these calls have cost"
        said += ", the judge's apart" if replaying.judge is not None else ""
    elif subjects:
        said += "; what one costs is not known yet (--budget bounds it)"
    said += f"; {known} are known already" if known else ""
    return said + (f"; {problems} can't be replayed" if problems else "")


def _project(selecting: Selecting) -> str:
    return "" if selecting.project is None else f"?project={quote(selecting.project, safe='')}"


def _of(item: Json) -> str:
    told: Json = item["definition"]
    if told.get("dataset"):
        return f"dataset {told['dataset']}, by {told.get('model')}"
    narrowed = [f"{name} {told[name]}" for name in ("model", "tag") if told.get(name)]
    return ", ".join([f"calls since {told.get('since')}", *narrowed])
