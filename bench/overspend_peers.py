"""LiteLLM and TensorZero under the attack, configured as their own documentation says for several processes.

Sources, read on 2026-11-21: docs.litellm.ai/docs/proxy/provider_budget_routing; in TensorZero's repository
docs/operations/enforce-custom-rate-limits.mdx and track-usage-and-cost.mdx. Read next: `bench.overspend`.
"""

import contextlib
import json
import subprocess
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path

from bench.overspend_attacked import (
    LIMIT_USD,
    MODEL,
    PROCESSES,
    START_S_MAX,
    Account,
    Attacked,
    Flock,
    Redis,
    StartOne,
    redis,
)
from bench.overspend_clients import Place, Seen
from bench.overspend_provider import PRICES_USD
from bench.overspend_provider import Running as Shop
from bench.peers import LITELLM, MASTER_KEY, peer_environment
from bench.starting import CACHE, free_port, start_program, wait_for_port
from bench.tensorzero import TENSORZERO, printed_port, tensorzero_command

HELD_USD = "0.0105"
"""What TensorZero holds for a call until its cost is known: more than any call of the attack costs."""

_SPEND_KEY = "provider_spend:openai:1d"

_LITELLM_NOTES = (
    f"`provider_budget_config` of {LIMIT_USD} USD a day, {PROCESSES} proxies, shared through Redis",
    "not attacked: its budgets of keys and users, which reserve, and its records; both need its own "
    "database, whose query engine comes from a host that was not within reach",
)
_TENSORZERO_NOTES = (
    f"rate limit `cost_per_day` of {LIMIT_USD} USD, {PROCESSES} gateways of the wheel, shared through Redis "
    "in Valkey's place; no records without ClickHouse",
    f"`default_cost`, what it holds for a call, set to {HELD_USD} USD, just above the dearest of the attack "
    "(it comes as 1 USD); it was not corrected by the true cost afterwards, so that this setting decides",
)

_TENSORZERO = """
[gateway]
observability.enabled = false

[rate_limiting]
enabled = true
default_cost = {held}

[[rate_limiting.rules]]
always = true
cost_per_day = {limit}.0

[models."{model}"]
routing = ["shop"]

[models."{model}".providers.shop]
type = "openai"
model_name = "{model}"
api_base = "{base_url}"
api_key_location = "env::OPENAI_API_KEY"
cost = [
  {{ pointer = "/usage/prompt_tokens", cost_per_million = {input} }},
  {{ pointer = "/usage/completion_tokens", cost_per_million = {output} }},
]
"""


@contextlib.contextmanager
def litellm_attacked(shop: Shop, folder: Path) -> Generator[Attacked]:
    """Run LiteLLM's proxy, its budget on the provider shared through Redis."""
    with redis(folder / "redis") as store:
        binary = peer_environment(CACHE / "running", "litellm", f"litellm[proxy]=={LITELLM}") / "litellm"
        path = folder / "config.yaml"
        path.write_text(json.dumps(_litellm_configuration(shop, store.port)))  # JSON is YAML
        environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "CRITICAL"}

        def start(at: int, port: int) -> tuple[subprocess.Popen[bytes], Callable[[], int]]:
            port = port or free_port()
            command = [str(binary), "--config", str(path), "--host", "127.0.0.1", "--port", str(port)]
            command += ["--telemetry", "False"]
            log = folder / f"output-{at}.log"
            process = start_program(command, log, environment=environment, cwd=folder)

            def wait() -> int:
                wait_for_port(process, port, log, START_S_MAX)
                return port

            return process, wait

        with _flock(start) as flock:
            yield Attacked(
                version=LITELLM,
                place=Place(flock.ports, "/v1/chat/completions"),
                headers={"authorization": f"Bearer {MASTER_KEY}"},
                model=MODEL,
                kill=flock.kill,
                stop_store=store.stop,
                start_store=store.start,
                account=partial(_spent, store),
                notes=_LITELLM_NOTES,
            )


def _unknown(_: Sequence[Seen]) -> Account:
    return Account(lost=None, counted=None)


def _spent(store: Redis, _: Sequence[Seen]) -> Account:
    return Account(lost=None, counted=round(float(store.get(_SPEND_KEY) or 0) * 10**12))


def _litellm_configuration(shop: Shop, redis_port: int) -> dict[str, object]:
    parameters = {"model": f"openai/{MODEL}", "api_base": shop.base_url, "api_key": "sk-of-the-attack"}
    prices = {
        f"{name}_cost_per_token": float(price) / 1e6
        for name, price in zip(("input", "output"), PRICES_USD[MODEL], strict=True)
    }
    return {
        "model_list": [{"model_name": MODEL, "litellm_params": {**parameters, **prices}}],
        "general_settings": {"master_key": MASTER_KEY, "always_include_stream_usage": True},
        "router_settings": {
            "provider_budget_config": {"openai": {"budget_limit": float(LIMIT_USD), "time_period": "1d"}},
            "redis_host": "127.0.0.1",
            "redis_port": redis_port,
            "disable_cooldowns": True,
            "num_retries": 0,
        },
    }


@contextlib.contextmanager
def tensorzero_attacked(shop: Shop, folder: Path) -> Generator[Attacked]:
    """Run TensorZero's gateway with a limit on cost, kept in Redis (it asks for Valkey or PostgreSQL)."""
    with redis(folder / "redis") as store:
        python = peer_environment(CACHE / "running", "tensorzero", f"tensorzero=={TENSORZERO}") / "python"
        prices = dict(zip(("input", "output"), PRICES_USD[MODEL], strict=True))
        text = _TENSORZERO.format(
            base_url=shop.base_url, model=MODEL, limit=LIMIT_USD, held=HELD_USD, **prices
        )
        command = tensorzero_command(python, folder, text, store.url)
        environment = {"OPENAI_API_KEY": "sk-of-the-attack"}

        def start(at: int, _: int) -> tuple[subprocess.Popen[bytes], Callable[[], int]]:
            log = folder / f"output-{at}.log"
            process = start_program(command, log, environment=environment, cwd=folder)
            return process, partial(printed_port, process, log, START_S_MAX)

        with _flock(start) as flock:
            yield Attacked(
                version=TENSORZERO,
                place=Place(flock.ports, "/openai/v1/chat/completions"),
                headers={},
                model=f"tensorzero::model_name::{MODEL}",
                kill=flock.kill,
                stop_store=store.stop,
                start_store=store.start,
                account=_unknown,
                notes=_TENSORZERO_NOTES,
            )


@contextlib.contextmanager
def _flock(start: StartOne) -> Generator[Flock]:
    flock = Flock(start, PROCESSES)
    try:
        flock.begin()
        yield flock
    finally:
        flock.end()
