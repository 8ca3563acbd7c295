"""Planted faults of what the database does."""

from collections.abc import Sequence

import msgspec
from tests.simulation.model_database import ModelDatabase, Told
from tests.simulation.model_rows import OpenCall, Row, Window
from tests.simulation.planting import planted

from headgate.meters.asks import Ask, Granted
from headgate.meters.leases import Answer
from headgate.meters.scope import Meter
from headgate.meters.settling import Charges
from headgate.records.running import Running


@planted("a lease is released by a timeout")
class ReleasedByTimeout(ModelDatabase):
    def __init__(self) -> None:
        super().__init__()
        self.heard_ms: dict[str, int] = {}

    def grant(self, boot: str, asks: Sequence[Ask]) -> Granted:
        self.heard_ms[boot] = self.now_ms
        for window in self.tables.windows.values():
            for other, row in window.rows.items():
                if self.now_ms - self.heard_ms.get(other, self.now_ms) > 1000 and row.held:
                    window.leased -= row.held
                    row.returned = row.granted - row.settled
        return super().grant(boot, asks)


@planted("a grant is not checked against what is leased")
class LeasedUnchecked(ModelDatabase):
    def left(self, window: Window) -> int:
        return super().left(window) + window.leased


@planted("a grant is not checked against what is spent")
class SpentUnchecked(ModelDatabase):
    def left(self, window: Window) -> int:
        return super().left(window) + window.spent


@planted("a closed boot goes on getting grants", weights={"kill": 3.0, "ship": 12.0})
class ClosedBootGranted(ModelDatabase):
    def is_closed(self, boot: str) -> bool:
        return False


@planted("replay charges nothing for what had only begun")
class ReplayChargesNothing(ModelDatabase):
    def full(self, holds: Sequence[Sequence[int]]) -> int:
        return 0


@planted("a lowered limit gives back what was spent above it", weights={"change_limit": 3.0})
class LoweredLimitGivesBack(ModelDatabase):
    def put_limit(self, budget: str, limit: int) -> None:
        super().put_limit(budget, limit)
        for window in self.tables.windows.values():
            if self.tables.budget_of[window.meter] == budget:
                window.spent = min(window.spent, limit)


@planted("a window is stored as it is proposed, whatever is stored and whatever the time")
class WindowAsProposed(ModelDatabase):
    def open_window(self, ask: Ask) -> Window | None:
        meter = self.tables.meters.get((ask.budget, ask.subject))
        if meter is None:
            return super().open_window(ask)
        for window in (self.tables.windows[one] for one in self.tables.windows_of[meter]):
            if window.starts_ms == ask.starts_ms:
                return window
        return self.store_window(meter, ask.starts_ms, ask.ends_ms)


@planted("what is returned is added up, not stated")
class ReturnsAddedUp(ModelDatabase):
    def give_back(self, boot: str, told: Sequence[Told]) -> list[tuple[Meter, Answer]]:
        windows = self.tables.windows
        more = [
            msgspec.structs.replace(one, returned=one.returned + windows[one.window].rows[boot].returned)
            for one in told
            if one.window in windows and boot in windows[one.window].rows
        ]
        return super().give_back(boot, more)


@planted("a grant that is asked for again is granted again, and only the last is told")
class GrantedAgain(ModelDatabase):
    def delta(self, row: Row, ask: Ask, level: int) -> int:
        return level

    def grant(self, boot: str, asks: Sequence[Ask]) -> Granted:
        before = {window.id: window.rows[boot].granted for window in self._with(boot)}
        granted = super().grant(boot, asks)
        known = {Meter(ask.budget, ask.subject): ask.known for ask in asks}
        answers = [
            (
                meter,
                msgspec.structs.replace(
                    answer, granted=known[meter] + answer.granted - before.get(answer.window, 0)
                ),
            )
            for meter, answer in granted.answers
        ]
        return msgspec.structs.replace(granted, answers=tuple(answers))

    def _with(self, boot: str) -> list[Window]:
        return [window for window in self.tables.windows.values() if boot in window.rows]


@planted("settling charges the window and leaves the lease as it is")
class LeaseNotCharged(ModelDatabase):
    def settle(self, sums: Charges) -> None:
        for (_, window), (charged, overrun) in sums.items():
            if window in self.tables.windows:
                self.tables.windows[window].spent += charged
                self.tables.windows[window].overrun += overrun


@planted("settling takes from the lease and leaves the window as it is")
class WindowNotCharged(ModelDatabase):
    def settle(self, sums: Charges) -> None:
        before = {window.id: window.spent for window in self.tables.windows.values()}
        super().settle(sums)
        for window, spent in before.items():
            self.tables.windows[window].spent = spent


@planted("an interrupted call costs what its last attempt had reserved", kills=0.03)
class InterruptedAtTheLast(ModelDatabase):
    def interrupted_cost(self, call: str, one: OpenCall) -> int | None:
        return one.reserved or None


@planted(
    "an attempt whose end was lost is forgotten when the next one begins",
    weights={"cut_power": 3.0, "rot": 3.0, "fail_over": 0.0},
)
class OpenAttemptForgotten(ModelDatabase):
    def run_call(self, boot: str, call: str, one: Running) -> None:
        one.begins = False
        super().run_call(boot, call, one)


@planted("closing a boot keeps what it held")
class ClosedBootKeeps(ModelDatabase):
    def close_boot(self, boot: str) -> tuple[int, int, int]:
        held = {window.id: msgspec.structs.replace(window.rows[boot]) for window in self._of(boot)}
        done = super().close_boot(boot)
        for window in self._of(boot):
            row = window.rows[boot]
            row.returned = held[window.id].returned
            window.leased += row.held
        return done

    def _of(self, boot: str) -> list[Window]:
        return [window for window in self.tables.windows.values() if boot in window.rows]
