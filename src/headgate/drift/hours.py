"""Looks at live traffic: each stratum's hours go through a watch, and new words of answers are told at once.

One process at a time looks. Hours that had no calls, or too few, are no evidence; nor are late ones. Read
next: `drift.traffic`, `drift.watching`.
"""

import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from headgate.core.entries import Alert
from headgate.drift.alarms import Place, raise_change
from headgate.drift.findings import Finding, Value
from headgate.drift.model import DriftRule, Signal, scaled
from headgate.drift.sampling import wording_of_hour
from headgate.drift.sentences import touching
from headgate.drift.store import (
    QUERIES,
    NewAlarm,
    count_watches,
    get_watch,
    put_watch,
    raise_alarm,
    touched,
)
from headgate.drift.watching import Promise, Seen, alarmed, observe, reads_wordings, sharing
from headgate.store.database import Connection, Database
from headgate.store.rows import fetch_rows

log = logging.getLogger("headgate.drift")

CALLS_LEAST: Final = 5
"""An hour with fewer calls says nothing."""
REFERENCE_HOURS: Final = 168
HOURS_A_DAY: Final = 24.0
HOURS_AT_ONCE: Final = 2000
HOURS_MAX: Final = 20_000
VERSION: Final = "2"
"""Another one begins every watch anew: what is watched has changed."""
NAMES: Final = {"model": "the model that answers say they are of", "fingerprint": "the system fingerprint"}

AddAlerts = Callable[[Connection, Sequence[Alert]], Awaitable[None]]


class Rule(Protocol):
    """What control knows of the configuration in force."""

    def drift_rule(self) -> DriftRule:
        """Return how often all watches together may be wrong."""
        ...


class TrafficJob:
    """The watches of live traffic, as far as this process looks at them."""

    def __init__(self, database: Database, in_force: Rule, add_alerts: AddAlerts) -> None:
        self._database = database
        self._in_force = in_force
        self._add_alerts = add_alerts

    async def look(self) -> None:
        """Take in what is new: words of answers, then hours that are over."""
        if not self._in_force.drift_rule().traffic:
            return
        async with self._database.transaction() as connection:
            told: Counter[tuple[str, str]] = Counter()
            for row in await fetch_rows(connection, QUERIES.new_served):
                of = (row["target"], row["fact"])
                told[of] += await self._served(connection, row, told[of])
        while await self._hours() == HOURS_AT_ONCE:
            pass

    async def _served(self, connection: Connection, row: Mapping[str, Any], told: int) -> bool:
        """Tell of a value that its target never had, or of a model that is back; the first is usual.

        `told` is how many alarms of it this look has raised; says whether it raised another.
        """
        target, fact, value = row["target"], row["fact"], row["value"]
        await connection.execute(QUERIES.served_told, {"target": target, "fact": fact, "value": value})
        known: list[str] = row["known"] or []
        is_back = row["gone_since"] is not None
        # Fingerprints come and go: one alarm is enough until somebody has looked; two of models to and fro.
        enough = 1 if fact == "fingerprint" else 2 if is_back else math.inf
        if not known or row["open_alarms"] + told >= enough:
            return False
        again = f" again, as until {row['gone_since']:%Y-%m-%d %H:%M} UTC" if is_back else ""
        finding = Finding(
            what=f"{NAMES[fact]} is {value}{again}; before it was {known[0]}",
            touches=await touched(connection, target),
        )
        alarm = NewAlarm(
            kind="served",
            watch=f"served/{target}/{fact}",
            target=target,
            since=row["since"],
            sentence=f"{target} is served otherwise since {row['since']:%Y-%m-%d %H:%M} UTC: {finding.what}; "
            f"certain, since answers say so; it touches {touching(finding)}",
            finding=finding,
        )
        await self._add_alerts(connection, [await raise_alarm(connection, alarm)])
        log.warning("%s", alarm.sentence)
        return True

    async def _hours(self) -> int:
        async with self._database.transaction() as connection:
            (lock,) = await fetch_rows(connection, QUERIES.lock_traffic)
            if not lock["pg_try_advisory_xact_lock"]:
                return 0
            rows = await fetch_rows(connection, QUERIES.new_hours, {"limit": HOURS_AT_ONCE})
            strata: dict[Any, list[dict[str, Any]]] = {}
            for row in rows:
                strata.setdefault(row["stratum"], []).append(row)
            watches = await count_watches(connection, [_name(hours[0]) for hours in strata.values()])
            for hours in strata.values():
                await self._stratum(connection, hours, watches)
        return len(rows)

    async def _stratum(self, connection: Connection, hours: list[dict[str, Any]], watches: int) -> None:
        first = hours[0]
        enough = [hour for hour in hours if hour["calls"] >= CALLS_LEAST]
        name = _name(first)
        known = await get_watch(connection, name, VERSION, REFERENCE_HOURS)
        learning = known.watch.reference - known.watch.seen if known.watch.phase == "reference" else 0
        learnt = {hour["slot"] for hour in enough[:learning]}
        seen_rows = [
            {
                "slot": hour["slot"],
                "stratum": hour["stratum"],
                "is_reference": hour["slot"] in learnt,
            }
            for hour in hours
        ]
        await connection.execute(QUERIES.hours_seen, {"rows": msgspec.json.encode(seen_rows).decode()})
        if not enough:
            return
        began = known.watch.phase == "reference" and known.watch.seen == 0
        since = enough[0]["slot"] if began or known.since is None else known.since
        watch = sharing(known.watch, watches)
        promise = Promise(rule=self._in_force.drift_rule(), watches=watch.shared, values_a_day=HOURS_A_DAY)
        for hour in enough:
            seen = seen_in(hour)
            if reads_wordings(watch):
                wording = await wording_of_hour(connection, hour)
                seen = msgspec.structs.replace(seen, wording=wording)
            watch, (values,) = observe(watch, [seen])
            if "wording" in values:
                said = {"stratum": first["stratum"], "slot": hour["slot"], "wording": values["wording"]}
                await connection.execute(QUERIES.hour_worded, said)
            if watch.phase == "watching" and watch.evidence >= promise.run_length:
                values = await _values(connection, first["stratum"], since, watch.halves, until=hour["slot"])
                place = Place(
                    kind="traffic",
                    watch=name,
                    target=first["target"],
                    project=first["project"],
                    words=f"{first['target']} answers {_words(first)} otherwise",
                )
                await self._add_alerts(
                    connection,
                    [await raise_change(connection, place, watch, promise, values, until=hour["slot"])],
                )
                watch = alarmed(watch)
        await put_watch(
            connection, name, VERSION, watch, values_a_day=HOURS_A_DAY, since=since if began else None
        )


def seen_in(hour: Mapping[str, Any]) -> Seen:
    """Return the means of an hour."""
    shares: dict[Signal, float]
    shares = {signal: min(1.0, max(0.0, share)) for signal, share in _means(hour["signals"]).items()}
    return Seen(values=shares, amounts=_means(hour["amounts"]))


def _means(sums: Mapping[str, float]) -> dict[Signal, float]:
    counts = {name.removesuffix(" calls"): count for name, count in sums.items() if name.endswith(" calls")}
    means = {name: sums.get(name, 0.0) / count for name, count in counts.items() if count}
    return msgspec.convert(means, dict[Signal, float])


async def _values(
    connection: Connection, stratum: Any, since: datetime, halves: Mapping[Signal, float], *, until: datetime
) -> list[Value]:
    parameters = {"stratum": stratum, "since": since, "limit": HOURS_MAX}
    values: list[Value] = []
    for row in await fetch_rows(connection, QUERIES.hours_of_stratum, parameters):
        if row["slot"] > until or row["calls"] < CALLS_LEAST:
            continue
        seen = seen_in(row)
        scales: dict[Signal, float] = {}
        for signal, amount in seen.amounts.items():
            if signal in halves:
                scales[signal] = scaled(amount, halves[signal])
        values.append(
            Value(
                at=row["slot"],
                is_reference=row["is_reference"],
                signals={**seen.values, **scales},
                raw=seen.amounts,
            )
        )
    return values


def _name(hour: Mapping[str, Any]) -> str:
    return f"traffic/{hour['target']}/{hour['stratum']}"


def _words(row: Mapping[str, Any]) -> str:
    """Name a stratum."""
    parts = [f"calls of {row['project']} for {row['model']}"]
    if row["prompt"]:
        parts.append(f"with prompt {row['prompt']}")
    if row["release"]:
        parts.append(f"in release {row['release'][:8]}")
    return " ".join(parts)
