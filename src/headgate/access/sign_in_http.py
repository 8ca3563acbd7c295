"""Routes of signing in and out: a key for a cookie that no script can read.

Never returns a key's text. Read next: `access.sign_in`.
"""

from typing import Annotated

import msgspec
from litestar import Response, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation

from headgate.access.gate import PUBLIC
from headgate.access.http import KeyView, WhoAmI, key_fields
from headgate.access.roles import GRANTS, visible
from headgate.access.sign_in import HOURS_DEFAULT, HOURS_MAX, SignIns

KeyText = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Hours = Annotated[int, msgspec.Meta(ge=1, le=HOURS_MAX)]

Doors = NamedDependency[SkipValidation[SignIns]]
IsSecure = NamedDependency[SkipValidation[bool]]


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to sign in with, and for how many hours at most."""

    key: KeyText
    hours: Hours = HOURS_DEFAULT


class SignedOut(msgspec.Struct, frozen=True, kw_only=True):
    """The cookie is gone."""

    signed_in: bool


@post("/sign-in", tags=["keys"], status_code=200, opt={"grant": PUBLIC})
async def sign_in(sign_ins: Doors, served_by_tls: IsSecure, data: JSONBody[SignIn]) -> Response[WhoAmI]:
    """Sign in from a browser: sets a cookie that stands for the key until it ends or the key is revoked."""
    key = sign_ins.authenticate(data.key.strip().encode())
    text, lasts_s = sign_ins.seal(key, data.hours)
    cookie = Cookie(
        key=sign_ins.cookie_name,
        value=text,
        path="/api",
        max_age=lasts_s,
        httponly=True,
        samesite="strict",
        secure=served_by_tls,
    )
    view = WhoAmI(
        key=KeyView(**key_fields(key)), grants=sorted(GRANTS[key.role]), projects=visible(key).project_ids
    )
    return Response(view, cookies=[cookie])


@post("/sign-out", tags=["keys"], status_code=200, opt={"grant": PUBLIC})
async def sign_out(sign_ins: Doors, served_by_tls: IsSecure) -> Response[SignedOut]:
    """Sign out in this browser: takes the cookie away. Fine without one."""
    gone = Cookie(
        key=sign_ins.cookie_name,
        value="",
        path="/api",
        max_age=0,
        httponly=True,
        samesite="strict",
        secure=served_by_tls,
    )
    return Response(SignedOut(signed_in=False), cookies=[gone])
