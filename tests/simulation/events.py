"""What can happen in a simulated deployment, one event a step, drawn by the seed."""

from collections.abc import Callable
from itertools import accumulate
from random import Random

from tests.simulation.calls import Call
from tests.simulation.disk import Frame
from tests.simulation.gateway import GatewayProcess
from tests.simulation.healing import heal
from tests.simulation.line import Flight
from tests.simulation.model_database import POISON, Closed
from tests.simulation.world import Host, World

from headgate.core.entries import BEGIN, END, SETTLED
from headgate.journal.folder import STREAMS
from headgate.meters.asks import Granted

ALWAYS = {"call": 6.0, "provider": 9.0, "message": 10.0, "tick": 8.0, "ship": 5.0, "sync": 1.5}
PAUSES_MS = (0, 0, 1, 1, 2, 3, 5, 8, 12, 20, 35, 60, 100)
LEAPS_MS = (300, 1000, 2600, 11_000, 61_000)
Event = Callable[[World, Random], None]


def run(world: World) -> World:
    """Run a schedule to its end. Raises Broken at the first promise that does not hold."""
    weights = {**ALWAYS, **world.plan.weights}
    random = world.random
    steps = world.plan.steps
    chosen = random.choices(
        [EVENTS[name] for name in weights], cum_weights=list(accumulate(weights.values())), k=steps
    )
    for event, pause_ms in zip(chosen, random.choices(PAUSES_MS, k=steps), strict=True):
        world.advance(pause_ms)
        event(world, random)
    heal(world)
    return world


def call(world: World, random: Random) -> None:
    """A client calls."""
    plan = world.plan
    world.calls += 1
    bound = None if random.random() < plan.unbounded else random.randrange(1, plan.bound_max + 1)
    new = Call(world.calls, bound, random.choice((1, 1, 2)), streams=random.random() < 0.5)
    process = random.choice(world.processes)
    world.say(f"{new} of at most {bound} comes to {process.name}")
    world.run_in(process, process.arrive, new)


def provider(world: World, random: Random) -> None:
    """A provider goes on."""
    if world.working:
        world.provide(random.choice(world.working))


def message(world: World, random: Random) -> None:
    """A message gets to the database, or back, or neither."""
    messages, plan = world.messages, world.plan
    if not messages:
        return
    at = random.randrange(len(messages))
    flight = messages[at]
    if flight.is_executed:
        del messages[at]
        world.deliver(flight)
        return
    if flight.is_late:
        del messages[at]
        return
    if random.random() < plan.lost:
        del messages[at]
        _lose(world, random, flight)
        return
    if not world.can_reach(flight.line.host):
        if random.random() < 0.5:
            del messages[at]
            world.lose(flight)
        return
    if world.database.now_ms >= flight.until_ms:
        del messages[at]
        return
    execute(world, flight)
    if random.random() < plan.duplicated:
        _repeat(world, flight)
    if random.random() < plan.lost_answers:
        messages.remove(flight)
        _lose(world, random, flight)
    elif random.random() < 0.6:
        messages.remove(flight)
        world.deliver(flight)


def execute(world: World, flight: Flight) -> None:
    """Let the database do what is asked; a boot that is closed hears that it is."""
    try:
        world.execute(flight)
    except Closed:
        flight.is_executed = True
        flight.line.is_closed = True


def _lose(world: World, random: Random, flight: Flight) -> None:
    """The sender hears of it at once, or not before its own limit of time."""
    if random.random() < 0.5:
        world.lose(flight)


def _repeat(world: World, flight: Flight) -> None:
    """The same request gets there once more, some time later; nobody waits for its answer.

    Later, but in the same windows: PostgreSQL itself repeats no statement, and of one that something between
    repeated in another window its sender would learn only when it asks again, or ends.
    """
    echo = Flight(flight.line, flight.began_ms)
    answer = flight.answer
    if isinstance(answer, Granted):
        if answer.is_outside or answer.refused:
            return  # by then there might be a window, or room, of which its sender would not hear
        echo.until_ms = min((one.edges.ends_ms for _, one in answer.answers), default=echo.until_ms)
    echo.wants, echo.asks, echo.told, echo.is_cut = flight.wants, flight.asks, flight.told, True
    world.messages.append(echo)


def tick(world: World, random: Random) -> None:
    """A process does what it does by itself."""
    process = random.choice(world.processes)
    world.run_in(process, process.tick)


def ship(world: World, random: Random) -> None:
    """A shipper takes a step."""
    host = random.choice(world.hosts)
    if world.plan.may_lose_commits and random.random() < 0.1:
        host.shipper.compare()
    if host.journals:
        host.shipper.step(random.choice(list(host.journals.values())), random.choice(STREAMS))


def sync(world: World, random: Random) -> None:
    """A journal's thread syncs."""
    process = random.choice(world.processes)
    world.run_in(process, process.synced)


def hang_up(world: World, random: Random) -> None:
    """A client hangs up."""
    process = random.choice(world.processes)
    if process.calls:
        chosen = random.choice(list(process.calls.values()))
        if not chosen.has_hung_up and chosen.phase != "syncing":
            world.say(f"the client of {chosen} hangs up")
            world.run_in(process, process.hang_up, chosen)


def kill(world: World, random: Random) -> None:
    """A process is killed between two events."""
    world.kill(random.choice(world.processes))


def kill_shipper(world: World, random: Random) -> None:
    """A shipper is killed; the next one knows what the database knows."""
    host = random.choice(world.hosts)
    world.say(f"the shipper of {host.name} is killed")
    host.shipper = world.parts.shipper(world, host)


def stop_gracefully(world: World, random: Random) -> None:
    """A process is told to end; its host starts another at once."""
    process = random.choice(world.processes)
    if not process.is_draining:
        world.say(f"{process.name} is told to end")
        process.is_draining = True
        world.start(process.host)


def database_down(world: World, random: Random) -> None:
    """The database goes away, or comes back."""
    world.is_database_up = not world.is_database_up
    world.say(f"the database is {'up' if world.is_database_up else 'down'}")


def restart_database(world: World, random: Random) -> None:
    """The database, or its synchronous standby, is there at once; all connections are lost."""
    world.say("the database restarts")
    world.is_database_up = True
    for flight in list(world.messages):
        world.messages.remove(flight)
        if not flight.is_executed and not flight.is_late and random.random() < 0.5:
            execute(world, flight)
        world.lose(flight)


def fail_over(world: World, random: Random) -> None:
    """An asynchronous standby takes over that lacks the last commits; gateways start anew, shippers go on."""
    assert world.standby is not None
    world.say("a standby takes over that lacks the last commits")
    restart_database(world, random)
    world.database.tables = world.standby.copy()
    world.books.has_lost_commits = True
    world.books.forget_totals()
    for process in world.processes:
        world.kill(process)


def partition(world: World, random: Random) -> None:
    """A host loses its way to the database, or finds it again."""
    host = random.choice(world.hosts)
    host.is_partitioned = not host.is_partitioned
    world.say(f"{host.name} is {'cut off' if host.is_partitioned else 'back'}")


def cut_power(world: World, random: Random) -> None:
    """A host loses power, and with it what its disk had not synced."""
    host = random.choice(world.hosts)
    world.say(f"{host.name} loses power")
    host.shipper = world.parts.shipper(world, host)
    for process in list(host.processes):
        lose_unsynced(world, random, process)
        world.kill(process)


def lose_unsynced(world: World, random: Random, process: GatewayProcess) -> None:
    """Let a journal lose what was not synced, and excuse what nobody can know then."""
    for name in STREAMS:
        stream = process.journal.stream(name)
        row = world.database.tables.journals.get(process.boot_id)
        stream.cut_power(random, row.places[name] if row else (1, 0))
    world.is_torn = True
    for frame in process.journal.acct.frames:
        if frame.is_lost:
            _excuse(world, frame)


def rot(world: World, random: Random) -> None:
    """A byte changes on a disk."""
    host = random.choice(world.hosts)
    boot, journal = random.choice(list(host.journals.items()))
    known = host.shipper.known.get(boot)
    if known is not None and known.read is not None:
        return
    row = world.database.tables.journals.get(boot)
    name = random.choice(STREAMS)
    frame = journal.stream(name).rot(random, row.places[name] if row else (1, 0))
    if frame is not None:
        world.say(f"a byte of {frame} changes")
        world.is_torn = True
        _excuse(world, frame)


def _excuse(world: World, frame: Frame) -> None:
    """Note what the loss of an entry can cost."""
    attempt = world.books.attempts.get((frame.call, frame.attempt))
    if frame.kind == BEGIN and attempt is not None:
        world.books.excuse(attempt)
    elif frame.kind in (SETTLED, END):
        for window, amount in frame.holds:
            world.books.allow(window, max(amount - frame.charged, 0))


def poison(world: World, random: Random) -> None:
    """Something stands in a journal that no sink can apply."""
    process = random.choice(world.processes)
    process.journal.append(b"poison", Frame(POISON, "", 0, 0, 0, 0))


def jump_clock(world: World, random: Random) -> None:
    """The clock of the database, or of a host, is set."""
    jump_ms = random.choice((-90_000, -4000, -300, 300, 4000, 3_600_000))
    host = random.choice([None, *world.hosts])
    if host is not None:
        host.wall_ms += jump_ms
        return
    world.say(f"the database's clock jumps by {jump_ms} ms")
    world.clock_jump_ms += jump_ms
    world.advance(0)
    for process in world.processes:
        process.clock_error_ms += jump_ms


def suspend(world: World, random: Random) -> None:
    """A host sleeps: its monotonic clock stands still meanwhile."""
    host: Host = random.choice(world.hosts)
    asleep_ms = random.choice((200, 5000, 120_000))
    world.say(f"{host.name} sleeps for {asleep_ms} ms")
    world.advance(asleep_ms)
    host.lag_ms += asleep_ms
    for process in host.processes:
        process.clock_error_ms += asleep_ms


def change_limit(world: World, random: Random) -> None:
    """Someone sets another limit."""
    budget = random.choice(world.plan.budgets)
    if world.is_database_up and budget.id in world.database.tables.budgets:
        limit = random.choice((budget.limit_pico_usd // 3, budget.limit_pico_usd * 2, world.plan.bound_max))
        world.say(f"the limit of {budget.name} is {limit} now")
        world.database.put_limit(budget.id, limit)


def leap(world: World, random: Random) -> None:
    """For a while nothing happens."""
    world.advance(random.choice(LEAPS_MS))


EVENTS: dict[str, Event] = {
    function.__name__: function
    for function in (
        *(call, provider, message, tick, ship, sync, hang_up, kill, kill_shipper, stop_gracefully),
        *(database_down, restart_database, fail_over, partition, cut_power, rot, poison, jump_clock),
        *(suspend, change_limit, leap),
    )
}
