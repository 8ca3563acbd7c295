"""Signing in: a cookie that only the console's own pages can use, and that ends with its key."""

from typing import Any

import httpx
import msgspec
from tests.flow.control_app import Api, control

from headgate.access.sign_in import CONSOLE_HEADER, SignIns
from headgate.access.vault import Vault
from headgate.core.secret import Secret
from headgate.store.database import Database

OWN = {CONSOLE_HEADER: "1", "sec-fetch-site": "same-origin"}


async def sign_in(api: Api, key: str, **more: Any) -> httpx.Response:
    """Sign in as a browser would; the client keeps no cookie, so that each request says what it sends."""
    answer = await api.client.post(
        "/api/v1/sign-in", content=msgspec.json.encode({"key": key, **more}), headers=OWN
    )
    api.client.cookies.clear()
    return answer


async def made_key(api: Api, role: str) -> tuple[str, str]:
    """Make a key; return its id and text."""
    made = await api.post("/keys", {"name": f"a {role}", "role": role})
    return made["id"], made["key"]


async def whoami(api: Api, cookie: str, headers: dict[str, str] | None = None) -> httpx.Response:
    sent = {**OWN, "cookie": cookie, **(headers or {})}
    return await api.client.get(
        "/api/v1/whoami", headers={name: value for name, value in sent.items() if value}
    )


async def test_a_key_is_exchanged_for_a_cookie_that_no_script_reads(database: Database) -> None:
    async with control(database) as api:
        _, text = await made_key(api, "viewer")
        answer = await sign_in(api, f" {text}\n")
        assert answer.status_code == 200
        set_cookie = answer.headers["set-cookie"]
        name, _, rest = set_cookie.partition("=")
        value = rest.partition(";")[0].strip('"')
        words = {word.strip().lower() for word in set_cookie.split(";")[1:]}
        assert {"httponly", "samesite=strict", "path=/api"} <= words
        assert "secure" not in words
        assert text not in answer.text + set_cookie
        assert answer.headers["cache-control"] == "no-store"
        found = await whoami(api, f"{name}={value}")
        assert found.status_code == 200
        assert found.json() == answer.json() == await api.as_key(text).get("/whoami")


async def test_behind_tls_the_cookie_is_sent_there_only(database: Database) -> None:
    async with control(database, served_by_tls=True) as api:
        assert api.key is not None
        answer = await sign_in(api, api.key)
        assert "secure" in answer.headers["set-cookie"].lower()


async def test_other_pages_cannot_use_the_cookie(database: Database) -> None:
    async with control(database) as api:
        assert api.key is not None
        cookie = (await sign_in(api, api.key)).headers["set-cookie"].partition(";")[0]
        refused = {
            "without the header": {CONSOLE_HEADER: ""},
            "from another site": {"sec-fetch-site": "cross-site"},
            "from another port": {"sec-fetch-site": "same-site"},
            "from another origin": {"origin": "http://127.0.0.1:9999"},
        }
        found = {why: (await whoami(api, cookie, headers)).status_code for why, headers in refused.items()}
        assert set(found.values()) == {403}, found
        # Where browsers don't say where a request is from (plain HTTP by address), the header has to do.
        assert (await whoami(api, cookie, {"sec-fetch-site": ""})).status_code == 200


async def test_a_cookie_ends_with_its_key_and_with_its_time(database: Database) -> None:
    async with control(database) as api:
        identity, text = await made_key(api, "admin")
        cookie = (await sign_in(api, text, hours=1)).headers["set-cookie"]
        assert "max-age=3600" in cookie.lower() or "max-age=3599" in cookie.lower()
        pair = cookie.partition(";")[0]
        assert (await whoami(api, pair)).status_code == 200
        await api.delete(f"/keys/{identity}")
        after = await whoami(api, pair)
        assert (after.status_code, after.json()["error"]["code"]) == (401, "invalid_key")


async def test_what_is_no_cookie_of_ours_is_refused(database: Database) -> None:
    vault = Vault(Secret("a key of a deployment, for this"))
    async with control(database, vault=vault) as api:
        name = f"headgate_{vault.name}"
        # Sealed by the same vault, but for something else; and what is damaged or made up.
        other = vault.seal(Secret("{}"), "webhook")
        for value in ("x", "sealed:1:x", other, other[:-8], "y" * 5000):
            assert (await whoami(api, f"{name}={value}")).status_code == 401, value[:40]
        assert (await sign_in(api, "hg_not-a-key")).status_code == 401
        assert (await sign_in(api, "")).status_code == 400


async def test_a_key_goes_before_a_cookie(database: Database) -> None:
    async with control(database) as api:
        assert api.key is not None
        cookie = (await sign_in(api, api.key)).headers["set-cookie"].partition(";")[0]
        found = await whoami(api, cookie, {"authorization": "Bearer hg_wrong"})
        assert found.status_code == 401


async def test_signing_out_takes_the_cookie_away(database: Database) -> None:
    async with control(database) as api:
        answer = await api.client.post("/api/v1/sign-out", headers=OWN)
        assert answer.status_code == 200
        assert "max-age=0" in answer.headers["set-cookie"].lower()


def test_two_servers_on_one_host_have_cookies_of_their_own() -> None:
    names = {SignIns(Vault.random(), None, None).cookie_name for _ in range(2)}  # type: ignore[arg-type]
    assert len(names) == 2
