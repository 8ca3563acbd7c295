"""The leases of several processes against a model of the database, with answers lost, late and repeated.

The database's rules are written here a second time, in a few lines, and `store/migrations/0010_meters.sql`
is held against the same promises by tests/flow/test_purse_together.py.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from headgate.core.call import Bounded
from headgate.meters.asks import Ask, asks_for, wants_of
from headgate.meters.leases import FORGET_MS, Answer, Lease, Leases
from headgate.meters.model import Budget, Scope
from headgate.meters.scope import Meter
from headgate.meters.windows import Edges, edges

WALL_MS = 1_800_000_000_000
PROCESSES = 2
PROCESS = st.integers(0, PROCESSES - 1)
AMOUNT = st.integers(0, 40)
EVER = edges("total", "UTC", WALL_MS)


class Row:
    """One process's lease as the database has it."""

    def __init__(self) -> None:
        self.granted = self.returned = self.settled = 0

    @property
    def held(self) -> int:
        return max(0, self.granted - self.returned - self.settled)


class Vault:
    """What the database does for one window."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.spent = 0
        self.rows = [Row() for _ in range(PROCESSES)]

    @property
    def leased(self) -> int:
        return sum(row.held for row in self.rows)

    def grant(self, process: int, ask: Ask) -> Answer:
        row = self.rows[process]
        row.granted = max(row.granted, ask.known)
        row.returned = min(row.granted, max(row.returned, ask.returned))
        for level in (ask.chunk, ask.pending, ask.need):
            before, granted = row.held, row.granted
            left = self.limit - self.spent - self.leased
            row.granted = max(row.granted, ask.known + level)
            if row.held - before <= max(0, left):
                break
            row.granted = granted
        return self.answer(process)

    def answer(self, process: int) -> Answer:
        row = self.rows[process]
        return Answer(
            window=1,
            edges=EVER,
            granted=row.granted,
            returned=row.returned,
            settled=row.settled,
            spent=self.spent,
            leased=self.leased,
            limit=self.limit,
            exact=True,
        )

    def settle(self, process: int, charged: int) -> None:
        self.spent += charged
        self.rows[process].settled += charged


class Deployment(RuleBasedStateMachine):
    """Processes that reserve, settle, give back, forget; a journal that is shipped late; lost messages."""

    held = Bundle("held")
    letters = Bundle("letters")

    @initialize(limit=st.integers(0, 200))
    def begin(self, limit: int) -> None:
        self.now_ms = 0
        self.budget = Budget(id="b", name="b", scope=Scope(), limit_pico_usd=limit, window="total")
        self.meter = Meter("b", "")
        self.vault = Vault(limit)
        self.processes = [Leases(leases_max=4) for _ in range(PROCESSES)]
        self.journals: list[list[int]] = [[] for _ in range(PROCESSES)]
        self.billed = 0
        self.in_flight = 0

    @rule(ms=st.sampled_from([10, 80, 1000, FORGET_MS]))
    def time_passes(self, ms: int) -> None:
        self.now_ms += ms

    @rule(
        target=letters,
        process=PROCESS,
        amount=AMOUNT,
        is_lost=st.booleans(),
        waiting=st.integers(0, 90),
    )
    def ask_for_some(self, process: int, amount: int, is_lost: bool, waiting: int) -> tuple[int, Answer]:
        """Ask the database. The answer arrives, or comes later as a letter, or never."""
        return self.ask(process, amount, is_lost=is_lost, waiting=waiting)

    def ask(self, process: int, amount: int, *, is_lost: bool, waiting: int) -> tuple[int, Answer]:
        leases = self.processes[process]
        (ask,) = asks_for(
            wants_of([(self.budget, self.meter)], Bounded(amount)),
            leases,
            {self.meter: waiting},
            wall_ms=WALL_MS,
            now_ms=self.now_ms,
            processes=PROCESSES,
            even_if_covered=True,
        )
        answer = self.vault.grant(process, ask)
        if not is_lost:
            leases.learn(self.meter, answer, self.now_ms)
        return process, answer

    @rule(letter=consumes(letters))
    def a_letter_arrives_late(self, letter: tuple[int, Answer] | None) -> None:
        if letter is None:
            return
        process, answer = letter
        # A lease begins with the newest answer only: a purse has one transaction at a time.
        if self.processes[process].latest(self.meter) is not None:
            self.processes[process].learn(self.meter, answer, self.now_ms)

    @rule(target=held, process=PROCESS, amount=AMOUNT)
    def reserve(self, process: int, amount: int) -> tuple[int, Lease | None, int]:
        """As a purse does: from what is at hand, else after asking."""
        leases = self.processes[process]
        for _ in range(2):
            lease = leases.current(self.meter, WALL_MS)
            if lease is not None and leases.take([(lease, amount)], self.now_ms):
                self.in_flight += amount
                return process, lease, amount
            self.ask(process, amount, is_lost=False, waiting=0)
        return process, None, 0

    @rule(one=consumes(held), part=st.sampled_from([0, 1, 50, 99, 100]))
    def settle(self, one: tuple[int, Lease | None, int], part: int) -> None:
        process, lease, amount = one
        if lease is None:
            return
        cost = amount * part // 100
        self.in_flight -= amount
        self.billed += cost
        self.journals[process].append(cost)
        assert lease.give(amount, cost, self.now_ms) == 0

    @rule(process=PROCESS)
    def ship(self, process: int) -> None:
        for cost in self.journals[process]:
            self.vault.settle(process, cost)
        self.journals[process].clear()

    @rule(target=letters, process=PROCESS, is_lost=st.booleans(), everything=st.booleans())
    def give_back(self, process: int, is_lost: bool, everything: bool) -> object:
        leases = self.processes[process]
        told = leases.give_back_all() if everything else leases.give_back_idle(self.now_ms, WALL_MS)
        row = self.vault.rows[process]
        for lease in told:
            row.returned = min(row.granted, max(row.returned, lease.returned))
        if not told:
            return None
        if not is_lost:
            leases.learn(self.meter, self.vault.answer(process), self.now_ms)
        return process, self.vault.answer(process)

    @rule(process=PROCESS)
    def forget(self, process: int) -> None:
        leases = self.processes[process]
        leases.forget(leases.outlived(self.now_ms, WALL_MS))

    @rule(process=PROCESS, is_told=st.booleans(), amount=AMOUNT)
    def rest(self, process: int, is_told: bool, amount: int) -> None:
        """A long quiet time: what lies idle goes back, told or not, is forgotten and begins anew."""
        leases = self.processes[process]
        self.now_ms += FORGET_MS
        told = leases.give_back_idle(self.now_ms, WALL_MS)
        if is_told:
            for lease in told:
                row = self.vault.rows[process]
                row.returned = min(row.granted, max(row.returned, lease.returned))
                leases.learn(self.meter, self.vault.answer(process), self.now_ms)
        leases.forget(leases.outlived(self.now_ms, WALL_MS))
        self.ask(process, amount, is_lost=False, waiting=0)

    @invariant()
    def never_overspent(self) -> None:
        assert self.billed + self.in_flight <= self.vault.limit
        assert self.vault.spent + self.vault.leased <= self.vault.limit

    @invariant()
    def money_is_held_once(self) -> None:
        for process, leases in enumerate(self.processes):
            row = self.vault.rows[process]
            for lease in leases.by_window.values():
                assert lease.available >= 0 and lease.reserved >= 0
                assert lease.granted <= row.granted and lease.returned >= row.returned
                unshipped = sum(self.journals[process])
                assert lease.settled == row.settled + unshipped
                assert lease.reserved + lease.available + unshipped <= row.held

    def teardown(self) -> None:
        """However it went, once all is over the books agree and nothing is held."""
        if not hasattr(self, "vault") or self.in_flight:
            return
        for process, leases in enumerate(self.processes):
            self.ship(process)
            (ask,) = asks_for(
                wants_of([(self.budget, self.meter)], Bounded(0)),
                leases,
                {},
                wall_ms=WALL_MS,
                now_ms=self.now_ms,
                processes=PROCESSES,
                even_if_covered=True,
            )
            leases.learn(self.meter, self.vault.grant(process, ask), self.now_ms)
            for lease in leases.give_back_all():
                self.vault.rows[process].returned = lease.returned
        assert self.vault.spent == self.billed
        assert self.vault.leased == 0


TestDeployment = Deployment.TestCase
TestDeployment.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)


def granted(window: int, edges: Edges) -> Answer:
    return Answer(
        window=window,
        edges=edges,
        granted=100,
        returned=0,
        settled=0,
        spent=0,
        leased=100,
        limit=1000,
        exact=False,
    )


def test_leases_beyond_the_cap_are_given_back_and_forgotten() -> None:
    leases = Leases(leases_max=10)
    for at in range(30):
        leases.learn(Meter("b", f"user={at}"), granted(at, Edges(0, WALL_MS + 1)), now_ms=at)
    told = leases.give_back_idle(30, WALL_MS)
    assert [lease.window for lease in told] == list(range(20))
    assert leases.forget(leases.outlived(30, WALL_MS)) == 0, "nothing is forgotten before the database knows"
    for lease in told:
        lease.returned_known = lease.returned
    assert leases.forget(leases.outlived(30, WALL_MS)) == 20
    assert leases.current(Meter("b", "user=3"), WALL_MS) is None
    assert leases.current(Meter("b", "user=29"), WALL_MS) is not None


def test_what_calls_wait_for_is_kept_only_until_its_window_ends() -> None:
    leases, meter = Leases(), Meter("b", "")
    for window, starts_ms in ((1, 0), (2, WALL_MS)):
        leases.learn(meter, granted(window, Edges(starts_ms, starts_ms + WALL_MS)), now_ms=0)
    assert [lease.window for lease in leases.give_back_idle(FORGET_MS, WALL_MS - 1, {meter})] == []
    [told] = leases.give_back_idle(FORGET_MS, WALL_MS, {meter})
    assert (told.window, told.returned) == (1, 100)
    told.returned_known = told.returned
    assert leases.forget(leases.outlived(FORGET_MS, WALL_MS)) == 1


def test_of_leases_beyond_the_cap_what_calls_wait_for_goes_last() -> None:
    """A call that waits for two meters must not lose the one while it asks for the other."""
    leases, waited_for = Leases(leases_max=1), Meter("b", "waited for")
    for window, meter in ((1, waited_for), (2, Meter("b", "other"))):
        leases.learn(meter, granted(window, Edges(0, WALL_MS + 1)), now_ms=window)
    assert [lease.window for lease in leases.give_back_idle(3, WALL_MS, {waited_for})] == [2]
