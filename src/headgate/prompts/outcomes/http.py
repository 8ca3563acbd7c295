"""The route of how versions of a prompt do.

Who sees only calls of its own sees none of these sums. Read next: `outcomes.reading`.
"""

from typing import Any

from litestar import Controller, Request, get
from litestar.params import FromQuery

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.model import Key
from headgate.access.roles import visible
from headgate.core.faults import NotAllowed, NotFound
from headgate.prompts.catalogue.listing import find_prompt
from headgate.prompts.catalogue.looking import ENVIRONMENT, WITHIN, Look, read_look
from headgate.prompts.catalogue.model import MANAGED, digest_of, name_of
from headgate.prompts.managed.actions import project_for, read_address
from headgate.prompts.managed.http import is_managed
from headgate.prompts.managed.store import find
from headgate.prompts.outcomes.model import PromptOutcomes
from headgate.prompts.outcomes.reading import Prompt, outcomes
from headgate.store.database import Connection

AnyRequest = Request[Any, Any, Any]


class OutcomesController(Controller):
    """How one prompt does."""

    path = "/prompts/outcomes"
    tags = ("prompts",)
    parameters = {**WITHIN, **ENVIRONMENT}  # noqa: RUF012 - how the framework takes them

    @get(opt={"grant": grant("prompts:read")})
    async def show_outcomes(
        self,
        caller: CallerKey,
        database: Store,
        request: AnyRequest,
        *,
        name: FromQuery[str],
        project: FromQuery[str | None] = None,
        source: FromQuery[str | None] = None,
    ) -> PromptOutcomes:
        """Show how each version of a prompt does: calls, cost, latency, errors, tokens, feedback; by day too.

        Shares and means have 95 % intervals. Also where the prompt is used: environments and releases that
        calls named, models and keys, releases that hold it, and where else the code says the same. From sums
        by day.
        """
        if visible(caller).own_key_only:
            raise NotAllowed("outcomes sum up what others call; ask with a viewer's or admin's key")
        look = read_look(caller, request.query_params)
        async with database.connection() as connection:
            prompt = await _prompt(connection, caller, look, name, project)
            return await outcomes(connection, prompt, look)


async def _prompt(connection: Connection, caller: Key, look: Look, name: str, project: str | None) -> Prompt:
    if is_managed(name):
        of_project = project_for(caller, project)
        if read_address(name).part or await find(connection, of_project, name) is None:
            raise NotFound(
                f"project {of_project} has no prompt {name[:200]!r}; `headgate prompts list` shows all"
            )
        return Prompt(name=name, project=of_project, digest=digest_of(MANAGED, name))
    found = await find_prompt(connection, look, name)
    return Prompt(
        name=name_of(found["path"], found["symbol"]),
        project=found["project"],
        digest=found["prompt"],
        source=found["source"],
        path=found["path"],
        symbol=found["symbol"],
    )
