"""One running Headgate in front of stand-ins of two clouds and of every service known by name."""

import itertools
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import trustme
from demo.running import Running, headgate
from tests.flow.cloud_provider import (
    API_KEY,
    KEY_ID,
    REGION,
    SECRET,
    SESSION,
    Account,
    CloudProvider,
    TokenServer,
)
from tests.flow.dialect_clients import CLIENTS, Client
from tests.flow.gateway_house import House

CONFIG = """
[server]
translation = "lenient"

[providers.bedrock]
kind = "bedrock"
base_url = "http://127.0.0.1:{port}/bedrock"
region = "{region}"
regions = ["{region}"]
api_key = "env:AWS_PAIR"

[providers.session]
kind = "bedrock"
base_url = "http://127.0.0.1:{port}/session"
region = "{region}"
regions = ["{region}"]
api_key = "env:AWS_SESSION"

[providers.bearer]
kind = "bedrock"
base_url = "http://127.0.0.1:{port}/bearer"
region = "{region}"
regions = ["{region}"]
api_key = "env:AWS_API_KEY"

[providers.mantle]
kind = "bedrock-mantle"
base_url = "http://127.0.0.1:{port}/mantle"
region = "{region}"
regions = ["{region}"]
api_key = "env:AWS_PAIR"

[providers.vertex]
kind = "vertex"
base_url = "http://127.0.0.1:{port}/vertex"
location = "europe-west4"
regions = ["europe-west4"]
project = "my-project"
api_key = "file:{file}"

[providers.vertex-global]
kind = "vertex"
base_url = "http://127.0.0.1:{port}/vertex-global"
location = "global"
regions = ["global"]
project = "my-project"
api_key = "env:ACCOUNT_JSON"

[providers.vertex-broken]
kind = "vertex"
base_url = "http://127.0.0.1:{port}/vertex-broken"
location = "eu"
project = "my-project"
api_key = "env:BROKEN_JSON"

[providers.vertex-short]
kind = "vertex"
base_url = "http://127.0.0.1:{port}/vertex-short"
location = "eu"
project = "my-project"
api_key = "env:SHORT_JSON"

[providers.backup]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/backup/v1"
api_key = "env:AWS_API_KEY"

[projects.european]
regions = ["eu"]
"""
_ALIAS = """
[models.{name}]
targets = ["{provider}/{prefix}{name}", "backup/{name}"]
timeout = {{ connect = "2s", first_token = "5s", idle = "5s", total = "10s" }}
retry = {{ attempts = 1 }}

[prices."{provider}/{prefix}{name}"]
input = "1"
output = "2"
max_output = 1000
context_window = 100000

[[budgets]]
name = "{name}"
scope = {{ model = "{provider}/{prefix}{name}" }}
limit = "1 USD"
window = "total"
"""
_SERVICE = """
[providers.{name}]
kind = "openai-compatible"
service = "{name}"
base_url = "http://127.0.0.1:{port}/{name}/v1"
api_key = "env:AWS_API_KEY"
"""
SERVICES = (
    *("mistral", "groq", "deepseek", "xai", "together", "fireworks", "cerebras", "openrouter", "perplexity"),
    *("huggingface", "nvidia", "scaleway", "ovhcloud", "ionos", "stackit"),
    *("ollama", "vllm", "llama-cpp", "sglang", "tgi"),
)
"""Every service and engine that is promised by name."""
ALIASES = {"bedrock": ("bedrock", ""), "gemini": ("vertex", ""), "claude": ("vertex", "claude-")}
"""Kinds of aliases: their provider, and how their model's name begins."""
COUNT = 16


class Clouds(House):
    """A running Headgate, its clouds, and its database."""

    provider: CloudProvider

    def __init__(
        self, running: Running, cloud: CloudProvider, token_server: TokenServer, account: Account
    ) -> None:
        super().__init__(running, cloud)
        self.token_server = token_server
        self.account = account
        self.clients: dict[str, Client] = {}
        for kind in CLIENTS:
            self.clients[kind.dialect] = kind(running.url, running.admin_key)
        self._cloud_names = {kind: iter([f"{kind}-{number}" for number in range(COUNT)]) for kind in ALIASES}
        self._models = itertools.count()

    def target(self, kind: str) -> tuple[str, str]:
        """An alias with a price and a budget that no other test has, and its first target's model."""
        name = next(self._cloud_names[kind])
        return name, ALIASES[kind][1] + name

    def fresh(self, beginning: str) -> str:
        """A model's name that no other test has."""
        return f"{beginning}-{next(self._models)}"


def _configuration(port: int, file: Path) -> str:
    parts = [CONFIG.format(port=port, region=REGION, file=file)]
    parts += [_SERVICE.format(name=name, port=port) for name in SERVICES]
    for kind, (provider, prefix) in ALIASES.items():
        for number in range(COUNT):
            parts.append(_ALIAS.format(name=f"{kind}-{number}", provider=provider, prefix=prefix))
    return "".join(parts)


@contextmanager
def open_clouds(folder: Path, more: Mapping[str, str] | None = None) -> Generator[Clouds]:
    authority, account, other = trustme.CA(), Account("gate@my-project.example"), Account("other@x.example")
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    with CloudProvider() as cloud, TokenServer(account, cloud, authority) as token_server:
        (folder / "account.json").write_text(account.file(token_server.port))
        short = account.file(token_server.port, private_key=other.pem[:200] + "\n-----END PRIVATE KEY-----\n")
        environment = {
            "AWS_PAIR": f"{KEY_ID}:{SECRET}",
            "AWS_SESSION": f"{KEY_ID}:{SECRET}:{SESSION}",
            "AWS_API_KEY": API_KEY,
            "ACCOUNT_JSON": account.file(token_server.port),
            "BROKEN_JSON": account.file(token_server.port)[:-40],
            "SHORT_JSON": short,
            "SSL_CERT_FILE": str(folder / "authority.pem"),
            **(more or {}),
        }
        config = _configuration(cloud.port, folder / "account.json")
        (folder / "house").mkdir()
        with headgate(config, folder=folder / "house", environment=environment) as running:
            clouds = Clouds(running, cloud, token_server, account)
            try:
                yield clouds
            finally:
                for client in clouds.clients.values():
                    client.close()


def usd(given: httpx.Response | Any) -> Decimal:
    """What an answer says that its call cost."""
    return Decimal(given.headers["x-headgate-cost-usd"])
