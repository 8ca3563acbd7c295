"""An attempt, and where its answer fails its schema and the alias wants it repaired, one more at that target.

The second is an attempt like any other: with its own number, reservation, begin and settlement. Never a
third. Read next: `gateway.validated`.
"""

from headgate.core.faults import BudgetExhausted, Fault
from headgate.gateway.attempt import attempt
from headgate.gateway.call import Call
from headgate.gateway.held import Committed, Held
from headgate.gateway.plane import DataPlane
from headgate.gateway.steps import still_there
from headgate.gateway.taking import take

REPAIRED = "the answer was repaired: the first one did not keep to its JSON schema"


async def attempt_and_repair(plane: DataPlane, call: Call, held: Held) -> Committed | None:
    """Attempt the call, and its repair; None, with each failure noted, if it comes to nothing.

    Raises the mismatch where a budget that rejects has no money for the repair.
    """
    committed = await attempt(plane, call, held)
    if committed is not None or held.repair is None:
        return committed
    mismatch = call.failures[-1].fault
    call.repairing = held.repair
    try:
        again = await take(plane, call, held.way.target)
        if again is None:
            _tell(mismatch, call.exclusions[-1].fault)
            return None
        still_there(call)
        committed = await attempt(plane, call, again)
    except BudgetExhausted as fault:
        _tell(mismatch, fault)
        raise mismatch from None
    finally:
        call.repairing = None
    if committed is not None and committed.status < 300:
        call.note_change(REPAIRED)
    return committed


def _tell(mismatch: Fault, fault: Fault) -> None:
    mismatch.message += f"; it was not repaired: {fault.message}"
