"""How a schedule ends: all that was broken is mended, what was begun comes to an end, and the books agree."""

from tests.simulation.books import Broken
from tests.simulation.calls import Call
from tests.simulation.disk import SimJournal
from tests.simulation.gateway import GatewayProcess
from tests.simulation.line import AWAY_MS, FLIGHT_MS_MAX
from tests.simulation.model_database import Closed
from tests.simulation.model_rows import Window
from tests.simulation.shipping import SimShipper
from tests.simulation.world import World

from headgate.core.entries import END, SETTLED
from headgate.journal.folder import STREAMS
from headgate.meters.leases import FORGET_MS, USE_MS

ROUNDS_MAX = 400
ROUND_MS = 45


def heal(world: World) -> None:
    """Mend everything, drain, and look at what is left. Raises Broken."""
    world.say("all is mended")
    plan = world.plan
    plan.lost = plan.lost_answers = plan.duplicated = plan.kills = 0.0
    world.is_database_up = world.is_calm = True
    for host in world.hosts:
        host.is_partitioned = False
        host.shipper.compare()
        for process in host.processes:
            process.fuse = 0
    drain(world)
    for pause_ms in (FLIGHT_MS_MAX, AWAY_MS, 2 * USE_MS, ROUND_MS):
        go_round(world, pause_ms)
    for process in world.processes:
        if not process.is_draining:
            probe(world, process.name, 1)
    rest(world)
    left = [process for process in world.processes if not process.is_draining]
    if left:
        probe(world, left[plan.seed % len(left)].name)
    stop(world)
    look(world)


def drain(world: World) -> None:
    """Let all that was begun come to an end."""
    for _ in range(ROUNDS_MAX):
        go_round(world)
        if not world.messages and not world.working and not any(one.calls for one in world.processes):
            return
    held = [(process.name, list(process.calls.values())) for process in world.processes]
    raise Broken(f"calls never end: {held}, {world.messages}")


def go_round(world: World, pause_ms: int = ROUND_MS) -> None:
    """Let each part take a step."""
    world.advance(pause_ms)
    messages, world.messages = world.messages, []
    for flight in messages:
        if world.database.now_ms >= flight.until_ms or (flight.is_late and not flight.is_executed):
            continue
        if not flight.is_executed:
            try:
                world.execute(flight)
            except Closed:
                flight.is_executed = True
                flight.line.is_closed = True
                world.lose(flight)
                continue
        world.deliver(flight)
    for attempt in list(world.working):
        world.provide(attempt)
    for process in world.processes:
        world.run_in(process, process.tick)
        world.run_in(process, process.synced)
    ship_all(world)


def ship_all(world: World) -> None:
    """Let each shipper come as far as it can."""
    for host in world.hosts:
        for journal in host.journals.values():
            known = host.shipper.known.get(journal.boot_id)
            if known is None or known.version != journal.version:
                ship_journal(host.shipper, journal)


def ship_journal(shipper: SimShipper, journal: SimJournal) -> None:
    """Ship what a journal holds; once its writer has ended, close it."""
    for _ in range(ROUNDS_MAX):
        shipper.has_moved = False
        for stream in STREAMS:
            shipper.step(journal, stream)
        known = shipper.known.get(journal.boot_id)
        if known is not None and not shipper.has_moved and known.read is None:
            known.version = journal.version
            return


def rest(world: World) -> None:
    """Nobody calls for a while: all that processes held is usable again."""
    for _ in range(3):
        for _ in range(3):
            go_round(world)
        world.advance(FORGET_MS)
    for pause_ms in (ROUND_MS, ROUND_MS, 2 * USE_MS, ROUND_MS, ROUND_MS):
        go_round(world, pause_ms)  # what is learned first, of a window that has begun, is given back last
    has_lost_ends = any(one.is_lost for process in world.processes for one in process.journal.acct.frames)
    for window in world.database.tables.windows.values():
        if has_lost_ends:  # what a disk has lost is given back once its writer has ended
            break
        if window.leased and window.ends_ms > world.database.now_ms:
            raise Broken(f"{window.leased} of window {window.id} are held by processes that need nothing")
    for process in world.processes:
        for lease in process.leases.by_window.values():
            if lease.reserved:
                raise Broken(
                    f"{process.name} has {lease.reserved} of window {lease.window} reserved for ever"
                )


def probe(world: World, name: str, most: int | None = None) -> None:
    """A call for which there is room is admitted, by every process; of all that is left, or of `most`."""
    process = next(one for one in world.processes if one.name == name)
    if process.is_closed:
        return
    world.calls += 1
    left = room(world, process, Call(world.calls, 1, 1, streams=False))
    if left < 1:
        return
    call = Call(world.calls, min(left, most or left), 1, streams=False)
    before = world.admitted
    world.say(f"{name} is probed")
    world.run_in(process, process.arrive, call)
    drain(world)
    if world.admitted == before:
        raise Broken(f"{name} refused a call for which there was room: {call.code or 'not on record'}")
    for _ in range(ROUNDS_MAX if most is None else 0):
        if not any(lease.available for lease in process.leases.by_window.values()):
            break
        go_round(world, 1000)


def room(world: World, process: GatewayProcess, call: Call) -> int:
    """What all budgets that count a call have left, as far as the database and the process know."""
    tables, now_ms = world.database.tables, world.database.now_ms
    left: list[int] = []
    for budget, meter in world.counted(call):
        windows = [tables.windows[one] for one in tables.windows_of.get(tables.meters.get(meter, 0), ())]
        current = [one for one in windows if one.starts_ms <= now_ms < one.ends_ms]
        limit = tables.budgets.get(budget.id, budget.limit_pico_usd)
        left.append(limit - current[0].total - overrun(process, current[0]) if current else limit)
    return min(left)


def overrun(process: GatewayProcess, window: Window) -> int:
    """What a process has spent beyond all that the database counts for it: only it knows, since a disk has
    lost the ends of its calls."""
    row = window.rows.get(process.boot_id)
    settled = sum(
        one.charged
        for one in process.journal.acct.frames
        if one.kind in (SETTLED, END)
        for held_of, _ in one.holds
        if held_of == window.id
    )
    return max(0, settled - max(row.granted - row.returned, row.settled)) if row is not None else 0


def stop(world: World) -> None:
    """End all processes, well or badly, and ship what they left."""
    for number, process in enumerate(world.processes):
        if (world.plan.seed + number) % 2:
            process.is_draining = True
        else:
            world.end(process)
    for _ in range(20):
        if not world.processes:
            break
        go_round(world)
    for process in world.processes:
        world.end(process)
    ship_all(world)


def look(world: World) -> None:
    """What must hold now that all is over."""
    tables = world.database.tables
    for journal in world.journals:
        row = tables.journals.get(journal.boot_id)
        if row is None or not row.is_closed:
            raise Broken(f"journal {journal.boot} is never closed")
        if journal.unshipped_bytes():
            raise Broken(f"{journal.unshipped_bytes()} bytes of journal {journal.boot} are never shipped")
    poisoned = sum(
        one.kind == 77 and not one.is_lost for journal in world.journals for one in journal.acct.frames
    )
    if len(tables.rejects) != poisoned:
        raise Broken(f"{len(tables.rejects)} entries were rejected, {poisoned} should have been")
    if tables.damaged_bytes and not world.is_torn:
        raise Broken(f"{tables.damaged_bytes} bytes were taken for damage")
    world.books.final(world.journals)
