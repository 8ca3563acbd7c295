"""The whole system: with `regions = ["eu"]` and the European target down, nothing is sent elsewhere."""

import asyncio

from demo.running import chat, headgate

from headgate.catalog.model import MockSettings
from headgate.standins.mock import MockTransport
from headgate.standins.served import serve_standin

CONFIG = """
[providers.europe]
kind = "openai-compatible"
base_url = "{europe}"
regions = ["eu-west-1"]

[providers.america]
kind = "openai-compatible"
base_url = "{america}"
regions = ["us"]

[providers.unknown]
kind = "openai-compatible"
base_url = "{unknown}"

[models.assistant]
targets = ["europe/model", "america/model", "unknown/model"]
retry = {{ attempts = 2, backoff = "1ms" }}

[projects.support]
regions = ["eu"]
"""


async def test_nothing_leaves_the_region() -> None:
    async with (
        serve_standin(MockTransport(MockSettings())) as europe,
        serve_standin(MockTransport(MockSettings())) as america,
        serve_standin(MockTransport(MockSettings())) as unknown,
    ):
        config = CONFIG.format(
            europe=europe.base_url("openai"),
            america=america.base_url("openai"),
            unknown=unknown.base_url("openai"),
        )
        with headgate(config) as house:
            bound = house.make_key("bound", project="support")
            free = house.make_key("free", may_assert=False)
            answer = await asyncio.to_thread(chat, house.url, bound, "assistant")
            assert answer.headers["x-headgate-target"] == "europe/model"

            europe.fail_with(503)
            answer = await asyncio.to_thread(chat, house.url, bound, "assistant")
            assert answer.status_code == 502
            assert not america.requests and not unknown.requests
            await europe.down()
            answer = await asyncio.to_thread(chat, house.url, bound, "assistant")
            assert answer.status_code == 502
            assert not america.requests and not unknown.requests, "nothing was sent elsewhere"
            assert "america/model" in answer.json()["error"]["message"]

            records = await asyncio.to_thread(house.wait_for_requests, 3)
            detail = house.get(f"/requests/{records[0]['id']}")
            excluded = {item["target"]: item["reason"] for item in detail["excluded"]}
            assert set(excluded) == {"america/model", "unknown/model"}
            assert "us" in excluded["america/model"]
            assert "not known" in excluded["unknown/model"]

            answer = await asyncio.to_thread(chat, house.url, free, "assistant")
            assert answer.headers["x-headgate-target"] == "america/model"
            assert len(america.requests) == 1
