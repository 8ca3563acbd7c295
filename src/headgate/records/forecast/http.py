"""The route of forecasts: where the spend of budgets leads.

Who may see a budget sees its forecast. Read next: `forecast.reading`.
"""

from datetime import UTC, datetime
from typing import Final

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, SkipValidation

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.core.pages import Page
from headgate.core.ports import Clock
from headgate.meters.listing import InForce, named, visible_meters
from headgate.meters.status import BudgetStatus, list_budgets
from headgate.records.forecast.reading import Forecast, forecast

METERS_MAX: Final = 12

Now = NamedDependency[SkipValidation[Clock]]


@get("/forecasts", tags=["budgets"], opt={"grant": grant("budgets:read")})
async def list_forecasts(
    caller: CallerKey,
    in_force: InForce,
    database: Store,
    clock: Now,
    budget: FromQuery[str | None] = None,
) -> Page[Forecast]:
    """Show where the spend of budgets leads by the end of their windows: of the 12 meters of which most is
    spent, of all budgets or of the one named. Projections come with quantiles, from what past days cost."""
    meters = visible_meters(in_force.budgets(), caller, in_force)
    if budget is not None:
        meters = [named(meters, budget, "budget")]
    async with database.connection() as connection:
        found = sorted(await list_budgets(connection, meters), key=_left)[:METERS_MAX]
        scope, now = visible(caller).project_ids, datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
        items = [await forecast(connection, scope, status, now) for status in found]
    return Page(items=items)


def _left(status: BudgetStatus) -> tuple[float, str]:
    """The share of its limit that is left of a meter: what is nearest to its end comes first."""
    limit = float(status.limit_usd)
    return (1 - float(status.spent_usd) / limit if limit > 0 else 0.0), status.name
