"""The route that says for whom the console makes a call. Read next: `gateway.on_behalf`."""

import msgspec
from litestar import get

from headgate.access.gate import CallerKey, grant


class Playing(msgspec.Struct, frozen=True, kw_only=True):
    """The id of the key that calls are made with."""

    key: str


@get("/playground", tags=["keys"], opt={"grant": grant("calls:make")})
async def show_player(caller: CallerKey) -> Playing:
    """Show for which key the console makes calls: `POST /api/v1/playground/` and a model route's path, such
    as `v1/chat/completions`, makes one as who is signed in, on the way that all calls go."""
    return Playing(key=caller.id)
