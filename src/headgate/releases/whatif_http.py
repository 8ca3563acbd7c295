"""Routes of what-if: what recorded calls would have cost under other models, prices, limits or rules.

Writes nothing and calls no model. Read next: `releases.whatif_run`, `releases.whatif_answer`.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation
from litestar.response import ServerSentEvent, ServerSentEventMessage

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store, Time
from headgate.access.model import Key
from headgate.access.roles import visible
from headgate.catalog.model import ModelFacts
from headgate.catalog.prices import override_price
from headgate.core.faults import Fault, InvalidRequest, NotFound
from headgate.core.money import parse_usd
from headgate.core.pages import parse_instant_ms
from headgate.meters.console import Amount, Name
from headgate.meters.listing import InForce, MetersInForce, visible_meters
from headgate.meters.model import Budget
from headgate.releases.applying import compile_rules
from headgate.releases.http import Model, projects_of
from headgate.releases.rule_forms import NewRule, rule_of
from headgate.releases.rule_store import with_fragments
from headgate.releases.rules import Rule
from headgate.releases.rules_http import KnownTargets, check_model
from headgate.releases.whatif import Scenario
from headgate.releases.whatif_answer import WhatIfAnswer, answer_of
from headgate.releases.whatif_run import CALLS_MAX, Outcome, Progress, Rules, Wanted, run
from headgate.store.database import Connection, Database

DAYS_DEFAULT = 7
CALLS_DEFAULT = 20_000
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""Windows of budgets that hold a time have to end before time does."""

Decimals = Annotated[dict[str, str], msgspec.Meta(min_length=1, max_length=20)]


Targets = NamedDependency[SkipValidation[KnownTargets]]


class WhatIfRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is different. `models`: calls that asked for a name, or went to a `provider/model`, go to another
    `provider/model`. `prices`: USD per million tokens by bucket, as in `[prices]`. `limits`: budgets by name.
    `rules`: as in `POST /rules`. Without `from`, the last seven days."""

    models: Annotated[dict[Model, Model], msgspec.Meta(max_length=100)] = {}
    prices: Annotated[dict[Model, Decimals], msgspec.Meta(max_length=100)] = {}
    limits: Annotated[dict[str, Amount], msgspec.Meta(max_length=100)] = {}
    rules: Annotated[tuple[NewRule, ...], msgspec.Meta(max_length=100)] = ()
    project: Name | None = None
    begin: str | None = msgspec.field(default=None, name="from")
    end: str | None = msgspec.field(default=None, name="to")
    calls_max: Annotated[int, msgspec.Meta(ge=1, le=CALLS_MAX)] = CALLS_DEFAULT
    """Of more calls, a sample of so many is looked at; 2,000 at most where there are rules."""
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 1


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request with all that it names found."""

    request: WhatIfRequest
    wanted: Wanted
    scenario: Scenario
    targets: KnownTargets
    rules: tuple[Rule, ...]

    def facts_of(self, name: str) -> ModelFacts | None:
        """What is known of a target; None where there is none of that name now."""
        try:
            return self.targets.targets_of(name)[0].facts
        except NotFound:
            return None

    def target_of(self, name: str) -> str | None:
        """The first target of a name."""
        try:
            return self.targets.targets_of(name)[0].name
        except NotFound:
            return None

    async def run(self, database: Database) -> AsyncIterator[Progress | WhatIfAnswer]:
        """Yield how far it is, and the answer at last."""
        async with database.connection() as connection:
            rules = await self._rules(connection)
            async for each in run(connection, self.wanted, self.scenario, self.facts_of, rules):
                if isinstance(each, Outcome):
                    yield answer_of(self.wanted, each, has_rules=rules is not None)
                else:
                    yield each

    async def _rules(self, connection: Connection) -> Rules | None:
        if not self.rules:
            return None
        rules = [await with_fragments(connection, each) for each in self.rules]
        return Rules(compiled=compile_rules(rules), target_of=self.target_of)


@post("/whatif", status_code=200, tags=["what-if"], opt={"grant": grant("budgets:read")})
async def what_if(
    caller: CallerKey,
    database: Store,
    clock: Time,
    *,
    known: Targets,
    in_force: InForce,
    data: JSONBody[WhatIfRequest],
) -> WhatIfAnswer:
    """Say what recorded calls would have cost otherwise: exact where it can be, else with an interval.

    Budgets are replayed in order of time. The same request gives the same answer while records stay.
    """
    asked = _asked(caller, data, clock.now_ms(), known, in_force)
    async for each in asked.run(database):
        if isinstance(each, WhatIfAnswer):
            return each
    raise Fault("the run ended without an answer")


@post("/whatif/stream", status_code=200, tags=["what-if"], opt={"grant": grant("budgets:read")})
async def follow_what_if(
    caller: CallerKey,
    database: Store,
    clock: Time,
    *,
    known: Targets,
    in_force: InForce,
    data: JSONBody[WhatIfRequest],
) -> ServerSentEvent:
    """The same as server-sent events: `progress` as it goes on, then `answer`, or `error`."""
    asked = _asked(caller, data, clock.now_ms(), known, in_force)
    return ServerSentEvent(_events(asked, database))


async def _events(asked: _Asked, database: Database) -> AsyncIterator[ServerSentEventMessage]:
    try:
        async for each in asked.run(database):
            event = "progress" if isinstance(each, Progress) else "answer"
            yield ServerSentEventMessage(data=msgspec.json.encode(each).decode(), event=event)
    except Fault as fault:
        error = {"code": fault.code, "message": fault.message, "hint": fault.hint}
        yield ServerSentEventMessage(data=msgspec.json.encode({"error": error}).decode(), event="error")


def _asked(
    caller: Key, data: WhatIfRequest, now_ms: int, known: KnownTargets, in_force: MetersInForce
) -> _Asked:
    end = _instant(data.end, "to") or _of_ms(now_ms)
    begin = _instant(data.begin, "from") or end - timedelta(days=DAYS_DEFAULT)
    if end > LATEST:
        raise InvalidRequest(f"to lies after the year {LATEST.year}; write an earlier time", parameter="to")
    if begin >= end:
        raise InvalidRequest("from is not before to", parameter="from")
    budgets = _budgets(visible_meters(in_force.budgets(), caller, in_force), data.limits)
    if visible(caller).project_ids is None and data.project is not None:
        budgets = [each for each in budgets if each.scope.project in (None, "*", data.project)]
    return _Asked(
        request=data,
        wanted=Wanted(
            project_ids=projects_of(caller, data.project),
            begin=begin,
            end=end,
            calls_max=data.calls_max,
            seed=data.seed,
        ),
        scenario=Scenario(
            models={name: _target(known, target, "models") for name, target in data.models.items()},
            prices={name: _priced(known, name, table) for name, table in data.prices.items()},
            budgets=tuple(budgets),
        ),
        targets=known,
        rules=_rules(known, data.rules),
    )


def _rules(known: KnownTargets, said: Sequence[NewRule]) -> tuple[Rule, ...]:
    if len({each.name for each in said}) != len(said):
        raise InvalidRequest("rules: two have the same name; name each once", parameter="rules")
    rules = tuple(rule_of(each.name, each, version=1, now_ms=None) for each in said)
    for rule in rules:
        check_model(known, rule)
    return rules


def _target(known: KnownTargets, name: str, where: str) -> str:
    targets = known.targets_of(name)
    if len(targets) != 1 or targets[0].name != name:
        raise InvalidRequest(f"{where}: {name[:100]!r} is an alias; name one provider/model", parameter=where)
    return name


def _priced(known: KnownTargets, name: str, table: dict[str, str]) -> ModelFacts:
    target = known.targets_of(_target(known, name, "prices"))[0]
    try:
        price = override_price(table)
    except ValueError as error:
        raise InvalidRequest(f"prices of {name[:100]}: {error}", parameter="prices") from None
    return msgspec.structs.replace(target.facts, price=price, variants={})


def _budgets(budgets: Sequence[Budget], limits: dict[str, str]) -> list[Budget]:
    names = sorted({budget.name for budget in budgets})
    for name in limits:
        if name not in names:
            listed = ", ".join(names[:10]) or "there is none"
            raise InvalidRequest(f"limits: there is no budget {name[:100]!r} ({listed})", parameter="limits")
    changed: list[Budget] = []
    for budget in budgets:
        if budget.name in limits:
            limit = _amount(limits[budget.name], budget.name)
            changed.append(msgspec.structs.replace(budget, limit_pico_usd=limit))
        else:
            changed.append(budget)
    return changed


def _amount(text: str, name: str) -> int:
    try:
        return parse_usd(text)
    except ValueError as error:
        raise InvalidRequest(f"limits of {name[:100]}: {error}", parameter="limits") from None


def _instant(text: str | None, name: str) -> datetime | None:
    return None if text is None else _of_ms(parse_instant_ms(text, name))


def _of_ms(instant_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant_ms)
