"""What taking another model would change: costs by what-if, and recorded calls made again on both.

Both answers of a call are a pair, so that differences between calls cancel out. What can be counted is said
with intervals; whether answers are as good, by a check or a judge. Read next: `cli.upgrade_quality`.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from headgate.checks.answering import answer_of
from headgate.checks.model import Answer
from headgate.cli.client import Json
from headgate.cli.command import Api
from headgate.cli.model_calls import ModelCalls, budget_of, calling
from headgate.cli.outdated import Upgrading
from headgate.cli.output import Column
from headgate.cli.upgrade_quality import Quality, Verdict, by_check, by_judge, sentence
from headgate.core.faults import InvalidRequest
from headgate.core.money import format_usd
from headgate.core.pages import format_datetime
from headgate.statistics.effects import paired_difference
from headgate.statistics.proportions import paired_shares

TAG: Final = "upgrade"
PICO: Final = 10**12
NOT_AGAIN: Final = "calls can't be made again: other dialects than OpenAI chat, or no whole body on record"

COLUMNS = (
    Column("of the same calls", "what"),
    Column("before", "before", right=True),
    Column("after", "after", right=True),
    Column("difference", "difference", right=True),
    Column("from", "low", right=True),
    Column("to", "high", right=True),
    Column("pairs", "pairs", right=True),
    Column("note", "note"),
)


Pair = tuple[Json, Answer, Answer]
"""The same call, and what both models answered."""

Answers = tuple[Answer, Answer]
Models = tuple[str, str]
"""The model before, and the one after."""


def upgrade(api: Api, models: Models, wanted: Upgrading, days: int) -> Verdict:
    """Print what replacing one model by another would change; return whether it may be."""
    before, after = models
    begin = format_datetime(datetime.now(UTC) - timedelta(days=days))
    whatif: Json = api.client.post("/whatif", {"models": {before: after}, "from": begin})
    recorded: list[Json] = api.client.items("/requests", limit=wanted.calls, target=before, status="ok")
    budget = budget_of(wanted.budget)
    with calling(api, TAG) as ask:
        pairs, notes = _replay(api, ask, recorded, models, budget)
        found, required = _judged(api, ask, models, wanted, pairs=pairs, notes=notes)
    rows = _rows([(one, other) for _, one, other in pairs])
    verdict, said = sentence(models, found, required, wanted.margin)
    if api.out.as_json:
        told = {"verdict": verdict, "sentence": said, "quality": found, "requirements": required}
        api.out.json({"from": before, "to": after, "whatif": whatif, "pairs": rows, "notes": notes, **told})
        return verdict
    _print_head(api, models, days, whatif, recorded)
    api.out.rows(rows, COLUMNS, empty="No recorded call could be made again.")
    for note in notes:
        api.out.say(note)
    api.out.text("")
    api.out.text(said)
    return verdict


def _judged(
    api: Api, ask: ModelCalls, models: Models, wanted: Upgrading, *, pairs: list[Pair], notes: list[str]
) -> tuple[list[Quality], dict[str, Verdict]]:
    """Return what the check and the judge say, as far as they are asked."""
    found: list[Quality] = []
    required: dict[str, Verdict] = {}
    if wanted.judge is not None and pairs:
        budget, spent = budget_of(wanted.budget), sum(_cost(one) + _cost(other) for _, one, other in pairs)
        left = None if budget is None else budget - spent
        quality, cost, problem = by_judge(ask, wanted.judge, pairs, left)
        found += [quality] if quality is not None else []
        notes.append(f"the judge cost {format_usd(cost)} USD{f'; {problem}' if problem else ''}")
    if wanted.check is not None:
        marked, required = by_check(api, models, wanted.check, wanted.checks)
        found += marked
    return found, required


def _print_head(api: Api, models: Models, days: int, whatif: Json, recorded: list[Json]) -> None:
    before, after = models
    outdated: list[Json] = api.client.get("/drift/outdated", days=days)["items"]
    names = sorted({each["model"] for each in recorded if each["model"]})
    api.out.text(f"{before} is asked for as {', '.join(names) or 'nothing on record'}")
    for each in outdated:
        if each["target"] == before:
            instead = f"; its maker advises {each['instead']}" if each["instead"] else ""
            api.out.text(f"it ends on {each['on']} ({each['days_left']} days left){instead}")
    api.out.text(_costs(after, days, whatif))
    api.out.text("")


def _costs(after: str, days: int, whatif: Json) -> str:
    """Say what the calls of the last days would have cost; what has no price is never taken for nothing."""
    calls, unpriced, would = whatif["calls"], whatif["unpriced_calls"], whatif["would_usd"]
    said = f"{calls} calls of the last {days} days cost {whatif['actual_usd']} USD"
    said = f"{said}; with {after} they would have cost"
    if not unpriced:
        return f"{said} {would['value_usd']} USD ({would['low_usd']} to {would['high_usd']})"
    why = f"no price is known of {unpriced} of them, now or with {after}"
    return f'{said} what is not known: {why}; [prices."{after}"] in headgate.toml says it'


def _replay(
    api: Api, ask: ModelCalls, recorded: list[Json], models: Models, budget_pico_usd: int | None
) -> tuple[list[Pair], list[str]]:
    """Make calls again on both models, one after the other, until there are none or the budget is spent."""
    pairs: list[Pair] = []
    notes: list[str] = []
    spent = not_again = 0
    for each in recorded:
        body = _body(api.client.get(f"/requests/{each['id']}"))
        if body is None:
            not_again += 1
            continue
        if budget_pico_usd is not None and spent >= budget_pico_usd:
            notes.append(f"the budget was spent after {len(pairs)} calls; raise --budget for more")
            break
        one, other = (answer_of(ask, {**body, "model": model}) for model in models)
        spent += _cost(one) + _cost(other)
        pairs.append((body, one, other))
    if not_again:
        notes.append(f"{not_again} {NOT_AGAIN}")
    return pairs, notes


def _cost(answer: Answer) -> int:
    return answer.cost_pico_usd or 0


def _body(record: Json) -> Json | None:
    """Return a recorded call as it can be made again, unstreamed; None where it can't."""
    body: Any = record.get("request")
    if record["dialect"] != "openai-chat" or record["operation"] != "chat" or not isinstance(body, dict):
        return None
    if record.get("request_truncated"):
        return None
    named = cast("Json", body)
    return {name: value for name, value in named.items() if name not in ("stream", "stream_options")}


def _is_json(answer: Answer) -> bool:
    try:
        json.loads(answer.text)
    except ValueError:
        return False
    return True


def _rows(pairs: list[Answers]) -> list[Json]:
    if not pairs:
        return []
    both = [pair for pair in pairs if not pair[0].problem and not pair[1].problem]
    rows = [_share("answered", pairs, lambda one: not one.problem)]
    if any(_is_json(one) and one.text[:1] in "{[" for one, _ in both):
        rows.append(_share("answers that are JSON", both, _is_json))
    priced = [pair for pair in both if None not in (pair[0].cost_pico_usd, pair[1].cost_pico_usd)]
    rows.append(_amount("USD a call", priced, lambda one: _cost(one) / PICO))
    rows.append(_amount("tokens an answer", both, lambda one: float(one.output_tokens)))
    rows.append(_amount("milliseconds a call", both, lambda one: one.duration_ms))
    same = sum(" ".join(one.text.split()) == " ".join(other.text.split()) for one, other in both)
    note = "" if both else "no call was answered by both"
    return [*rows, _row("the same answer", after=f"{same} of {len(both)}", pairs=len(both), note=note)]


def _share(what: str, pairs: list[Answers], of: Callable[[Answer], bool]) -> Json:
    cells = [(of(one), of(other)) for one, other in pairs]
    counts = [cells.count(cell) for cell in ((True, True), (False, True), (True, False), (False, False))]
    interval = paired_shares(*counts)
    before, after = (sum(side) / len(cells) for side in zip(*cells, strict=True))
    figures = [f"{100 * each:.0f} %" for each in (before, after)]
    ends = [f"{100 * each:+.0f} points" for each in (interval.estimate, interval.low, interval.high)]
    return _row(what, *figures, *ends[:2], high=ends[2], pairs=len(cells))


def _amount(what: str, pairs: list[Answers], of: Callable[[Answer], float]) -> Json:
    if not pairs:
        return _row(what, note="no pair says it")
    before, after = ([of(pair[place]) for pair in pairs] for place in (0, 1))
    means = [f"{sum(side) / len(side):.4g}" for side in (before, after)]
    try:
        interval = paired_difference(after, before).interval(looks="one")
    except InvalidRequest as fault:
        return _row(what, *means, pairs=len(pairs), note=fault.message)
    ends = [f"{each:+.4g}" for each in (interval.estimate, interval.low, interval.high)]
    return _row(what, *means, *ends[:2], high=ends[2], pairs=len(pairs))


def _row(
    what: str,
    before: str = "",
    after: str = "",
    difference: str = "",
    low: str = "",
    *,
    high: str = "",
    pairs: int = 0,
    note: str = "",
) -> Json:
    figures = {"before": before, "after": after, "difference": difference, "low": low, "high": high}
    return {"what": what, **figures, "pairs": pairs, "note": note}
