"""Giving up the leases of a host that is gone: by an operator, never while it lives, and on record."""

import uuid

from tests.flow.control_app import control
from tests.flow.meter_parts import bound, budget, purse_on, subject

from headgate.access.gateways import heartbeat, leave
from headgate.store.database import Database


async def test_a_lost_host_is_given_up_once_and_on_record(database: Database) -> None:
    boot = uuid.uuid4()
    purse = purse_on(database, boot=boot)
    async with control(database) as api:
        held = await purse.reserve([budget(limit=1000)], subject(), bound(100))
        assert held.holds
        async with database.connection() as connection:
            await heartbeat(connection, boot, "gateway 1", 0, "")
        listed = await api.get("/leases")
        assert [(item["boot"], item["live"]) for item in listed["items"]] == [(str(boot), True)]
        await api.post(f"/leases/{boot}/release", {"reason": "the host burnt down"}, status=409)

        async with database.connection() as connection:
            await leave(connection, boot)
        done = await api.post(f"/leases/{boot}/release", {"reason": "the host burnt down"}, status=200)
        assert done["given_back_usd"] == listed["items"][0]["held_usd"]
        assert (await api.get("/leases"))["items"] == []
        audit = (await api.get("/audit"))["items"][0]
        assert (audit["action"], audit["object"]) == ("release", str(boot))
        assert audit["after"]["reason"] == "the host burnt down"
        again = await api.post(f"/leases/{boot}/release", {"reason": "once more"}, status=200)
        assert again["given_back_usd"] == "0"


async def test_only_admins_see_and_give_up_leases(database: Database) -> None:
    async with control(database) as api:
        from_project = (await api.post("/keys", {"name": "lead", "role": "project_admin"}))["key"]
        other = api.as_key(from_project)
        assert (await other.ask("GET", "/api/v1/leases"))[0] == 403
        status, _ = await other.ask("POST", f"/api/v1/leases/{uuid.uuid4()}/release", {"reason": "mine now"})
        assert status == 403
