"""The route of how versions of a prompt do.

Who sees only calls of its own sees none of these sums. Read next: `outcomes.reading`.
"""

from typing import Annotated

from litestar import get
from litestar.params import FromQuery, QueryParameter

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.core.faults import NotAllowed, NotFound
from headgate.prompts.catalogue.http import DAYS_DEFAULT, look_of
from headgate.prompts.catalogue.listing import find_prompt
from headgate.prompts.catalogue.model import MANAGED, digest_of, name_of
from headgate.prompts.managed.actions import project_for, read_address
from headgate.prompts.managed.http import is_managed
from headgate.prompts.managed.store import find
from headgate.prompts.outcomes.model import PromptOutcomes
from headgate.prompts.outcomes.reading import Prompt, outcomes

DAYS_MAX = 92

Days = Annotated[int, QueryParameter(ge=1, le=DAYS_MAX, description="how many days are looked at")]


@get("/prompts/outcomes", opt={"grant": grant("prompts:read")}, tags=["prompts"])
async def show_outcomes(
    caller: CallerKey,
    database: Store,
    *,
    name: FromQuery[str],
    project: FromQuery[str | None] = None,
    source: FromQuery[str | None] = None,
    days: Days = DAYS_DEFAULT,
) -> PromptOutcomes:
    """Show how each version of a prompt does: calls, cost, latency, errors, tokens and feedback, by day too.

    Shares and means have 95 % intervals. Also where the prompt is used: environments and releases that calls
    named, releases that hold it, and where else the code says the same. From sums, for 92 days at most.
    """
    if visible(caller).own_key_only:
        raise NotAllowed("outcomes sum up what others call; ask with a viewer's or admin's key")
    async with database.connection() as connection:
        if is_managed(name):
            of_project = project_for(caller, project)
            if read_address(name).part or await find(connection, of_project, name) is None:
                raise NotFound(
                    f"project {of_project} has no prompt {name[:200]!r}; `headgate prompts list` shows all"
                )
            prompt = Prompt(name=name, project=of_project, digest=digest_of(MANAGED, name))
        else:
            found = await find_prompt(connection, look_of(caller, project, source, days), name)
            prompt = Prompt(
                name=name_of(found["path"], found["symbol"]),
                project=found["project"],
                digest=found["prompt"],
                source=found["source"],
                path=found["path"],
                symbol=found["symbol"],
            )
        return await outcomes(connection, prompt, days)
