"""Routes of the console: its files, and its one page at every address that a person may open or paste.

Open to all, and shows nothing of the deployment: data comes through the API, to who is signed in.
Read next: `api.console`, `access.sign_in`.
"""

from typing import Final

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from headgate.access.gate import PUBLIC, AnyRequest
from headgate.api.console import CONTENT_SECURITY_POLICY, Asset
from headgate.api.page import CONTENT_SECURITY_POLICY as WELCOME_POLICY
from headgate.api.page import welcome
from headgate.api.services import ControlServices
from headgate.core.faults import NotFound

Services = NamedDependency[SkipValidation[ControlServices]]

FOREVER: Final = "public, max-age=31536000, immutable"
HTML: Final = "text/html; charset=utf-8"


@get("/", include_in_schema=False, opt={"grant": PUBLIC, "any_query": True})
async def console_index(request: AnyRequest, services: Services) -> Response[bytes]:
    """Show the console, or, where it was not built, what this server is and what to paste."""
    return _index(request, services)


@get("/assets/{name:str}", include_in_schema=False, opt={"grant": PUBLIC})
async def console_asset(request: AnyRequest, services: Services, name: FromPath[str]) -> Response[bytes]:
    """Give a file of the console whose name changes with what it holds."""
    return _file(request, services.console.asset(f"assets/{name}"), FOREVER)


@get("/{page:str}", include_in_schema=False, opt={"grant": PUBLIC, "any_query": True})
async def console_file(request: AnyRequest, services: Services, page: FromPath[str]) -> Response[bytes]:
    """Show a page of the console, or give one of its files such as its icon."""
    found = services.console.asset(page)
    return _index(request, services) if found is None else _file(request, found, "no-cache")


@get("/{page:str}/{rest:path}", include_in_schema=False, opt={"grant": PUBLIC, "any_query": True})
async def console_page(
    request: AnyRequest, services: Services, page: FromPath[str], rest: FromPath[str]
) -> Response[bytes]:
    """Show a page of the console, at any depth."""
    del page, rest
    return _index(request, services)


def _index(request: AnyRequest, services: ControlServices) -> Response[bytes]:
    path = request.scope["path"]
    if path != "/" and not _wants_a_page(request):
        raise NotFound(f"there is no route GET {path[:200]}; /api/openapi.json lists them")
    index = services.console.index
    headers = {"cache-control": "no-store", "vary": "accept, accept-encoding"}
    if index is None:
        page = welcome(f"{request.scope['scheme']}://{request.headers['host']}")
        headers["content-security-policy"] = WELCOME_POLICY
        return Response(page.encode(), headers=headers, media_type=HTML)
    return _file(request, index, "no-store", {"content-security-policy": CONTENT_SECURITY_POLICY})


def _wants_a_page(request: AnyRequest) -> bool:
    """Whether a person opens an address; a program that has misspelt one is told so."""
    return "text/html" in request.headers.get("accept", "")


def _file(
    request: AnyRequest, asset: Asset | None, cache: str, more: dict[str, str] | None = None
) -> Response[bytes]:
    if asset is None:
        raise NotFound(f"the console has no file {request.scope['path'][:200]}; open / and go on from there")
    headers = {"cache-control": cache, "vary": "accept-encoding", **(more or {})}
    body = asset.content
    if asset.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        body = asset.compressed
    return Response(body, headers=headers, media_type=asset.content_type)
