"""The route that business systems send their events to: a signature in place of a key.

A body counts once: its digest is kept for 30 days, and what its events say has ids. Read next:
`systems.signing`, `systems.mapping`.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from headgate.access.gate import PUBLIC
from headgate.access.http import Store, Time
from headgate.core.faults import InvalidRequest, NotFound, Unavailable
from headgate.core.secret import Secret
from headgate.store.database import Connection
from headgate.store.queries import Queries
from headgate.traces.scores.storing import add_scores
from headgate.traces.systems.mapping import Mapped, mapped
from headgate.traces.systems.model import BusinessSystem
from headgate.traces.systems.signing import check_signature, digest_of

QUERIES: Final = Queries.load("headgate.traces.systems")
BODY_BYTES_MAX: Final = 1024 * 1024
KEPT_DAYS: Final = 30
"""For how long a body is known again. Beyond that the ids of what it said keep it from counting twice."""
TOLD_MAX: Final = 5


class SystemsInForce(Protocol):
    """What control knows of the business systems in the configuration in force."""

    def business_system(self, name: str) -> tuple[BusinessSystem, Sequence[Secret]] | None:
        """Return one, and those of its secrets that are set; None where there is none."""
        ...


InForce = NamedDependency[SkipValidation[SystemsInForce]]


class TakenOutcomes(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a body: what counts, how much of it was there before, and events that say nothing.

    `repeated`: this very body has come before, and nothing was done."""

    accepted: int = 0
    known: int = 0
    left_out: int = 0
    repeated: bool = False


@post(
    "/feedback/from/{system:str}",
    tags=["feedback"],
    status_code=200,
    opt={"grant": PUBLIC},
    request_max_body_size=BODY_BYTES_MAX,
)
async def take_outcomes(
    request: Request[Any, Any, Any],
    system: FromPath[str],
    database: Store,
    clock: Time,
    in_force: InForce,
) -> TakenOutcomes:
    """Take events of a business system as feedback, signed as `[feedback.NAME]` in headgate.toml says.

    What is wrong with one event is said, and leaves the others alone; to send a body again does no harm.
    """
    known = in_force.business_system(system)
    if known is None:
        raise NotFound(f"there is no [feedback.{system[:100]}] in headgate.toml")
    described, secrets = known
    if not secrets:
        raise Unavailable(
            f"no secret of [feedback.{system}] is set on this server; set one of those it names"
        )
    body = await request.body()
    now_ms = clock.now_ms()
    check_signature(described, secrets, request.headers, body, now_s=now_ms / 1000)
    found = mapped(described, _decoded(body), now_ms=now_ms)
    async with database.transaction() as connection:
        taken, problems = await _keep(connection, described, found, digest_of(body))
    if problems:
        raise InvalidRequest(_told(taken, problems))
    return taken


async def _keep(
    connection: Connection, system: BusinessSystem, found: Mapped, digest: bytes
) -> tuple[TakenOutcomes, list[str]]:
    """Keep what counts. A body with something wrong is not noted: it may be right once the file is."""
    problems = list(found.problems)
    if not problems:
        noted = await connection.execute(QUERIES.note_delivery, {"system": system.name, "digest": digest})
        if await noted.fetchone() is None:
            return TakenOutcomes(repeated=True), []
        await connection.execute(QUERIES.forget_deliveries, {"days": KEPT_DAYS})
    added = await add_scores(connection, system.project, found.scores) if found.scores else []
    for each in added:
        if each.differs:
            problems.append(
                f"there is other feedback {each.id!r} already, which differs in {', '.join(each.differs)}"
            )
    accepted = sum(not each.differs for each in added)
    known = sum(not each.is_new and not each.differs for each in added)
    return TakenOutcomes(accepted=accepted, known=known, left_out=found.left_out), problems


def _decoded(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"the body is no valid JSON: {error}") from None


def _told(taken: TakenOutcomes, problems: Sequence[str]) -> str:
    more = f" (and {len(problems) - TOLD_MAX} more)" if len(problems) > TOLD_MAX else ""
    return f"{taken.accepted} count, {len(problems)} are refused: {'; '.join(problems[:TOLD_MAX])}{more}"
