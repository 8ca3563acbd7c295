"""Turns LiteLLM's config.yaml into a headgate.toml. Pure.

Carries providers, models, fallbacks, timeouts, prices, budgets and rate limits; whatever else stands in the
file is listed, never dropped in silence. Secrets are never copied: a key in the file becomes `env:NAME`.
Format: LiteLLM's documentation, "Overview of config.yaml", as of 2026-11.
"""

from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, cast

import msgspec

from headgate.cli.toml import Inline, write_toml

Table = dict[str, Any]


class Known(NamedTuple):
    """What a LiteLLM prefix stands for here."""

    kind: str
    variable: str
    base_url: str | None = None


PREFIXES: dict[str, Known] = {
    "openai": Known("openai", "OPENAI_API_KEY"),
    "azure": Known("azure-openai", "AZURE_API_KEY"),
    "anthropic": Known("anthropic", "ANTHROPIC_API_KEY"),
    "gemini": Known("google", "GEMINI_API_KEY"),
    "mistral": Known("openai-compatible", "MISTRAL_API_KEY", "https://api.mistral.ai/v1"),
    "groq": Known("openai-compatible", "GROQ_API_KEY", "https://api.groq.com/openai/v1"),
    "deepseek": Known("openai-compatible", "DEEPSEEK_API_KEY", "https://api.deepseek.com/v1"),
    "xai": Known("openai-compatible", "XAI_API_KEY", "https://api.x.ai/v1"),
    "together_ai": Known("openai-compatible", "TOGETHERAI_API_KEY", "https://api.together.xyz/v1"),
    "openrouter": Known("openai-compatible", "OPENROUTER_API_KEY", "https://openrouter.ai/api/v1"),
    "fireworks_ai": Known("openai-compatible", "FIREWORKS_API_KEY", "https://api.fireworks.ai/inference/v1"),
    "ollama": Known("openai-compatible", "OLLAMA_API_KEY", "http://127.0.0.1:11434/v1"),
    "ollama_chat": Known("openai-compatible", "OLLAMA_API_KEY", "http://127.0.0.1:11434/v1"),
    "hosted_vllm": Known("openai-compatible", "VLLM_API_KEY", "http://127.0.0.1:8000/v1"),
}
"""LiteLLM's provider prefixes that map to a provider kind (LiteLLM's documentation, "Providers")."""

WINDOWS = {
    "1h": "hour",
    "60m": "hour",
    "1d": "day",
    "24h": "day",
    "7d": "week",
    "1w": "week",
    "30d": "month",
    "1mo": "month",
}

STRATEGIES = {
    "simple-shuffle": "weighted",
    "latency-based-routing": "fastest",
    "cost-based-routing": "cheapest",
}

PARAMETERS = frozenset(
    [
        "model",
        "api_base",
        "base_url",
        "api_key",
        "api_version",
        "rpm",
        "tpm",
        "weight",
        "timeout",
        "stream_timeout",
        "max_retries",
        "input_cost_per_token",
        "output_cost_per_token",
        "cache_read_input_token_cost",
        "max_budget",
        "budget_duration",
    ]
)
"""Keys of `litellm_params` that are carried."""


class Converted(msgspec.Struct, frozen=True):
    """The text of a headgate.toml, and a line for everything that it does not hold."""

    toml: str
    left: list[str]


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of LiteLLM's model_list, as a target."""

    alias: str
    target: str
    weight: int | float | None
    parameters: Table


def convert(config: Table) -> Converted:
    """Return what a LiteLLM configuration says, as a headgate.toml."""
    return _Conversion(config).run()


class _Conversion:
    """The parts of one conversion as they come together."""

    def __init__(self, config: Table) -> None:
        self._config = config
        self._left: list[str] = []
        self._providers: dict[str, Table] = {}
        self._provider_names: dict[tuple[str, ...], str] = {}
        self._budgets: list[Table] = []
        self._rate_limits: list[Table] = []
        self._prices: dict[str, Table] = {}
        self._router = _table(config.get("router_settings"))
        self._settings = _table(config.get("litellm_settings"))

    def run(self) -> Converted:
        deployments = [
            deployment
            for index, entry in enumerate(_list(self._config.get("model_list")))
            if (deployment := self._deployment(index, _table(entry))) is not None
        ]
        models = self._models(deployments)
        for deployment in deployments:
            self._limits_of(deployment)
        self._shared_budgets()
        self._leftovers()
        document: Table = {
            "providers": self._providers,
            "models": models,
            "budgets": self._budgets,
            "rate_limits": self._rate_limits,
            "prices": self._prices,
        }
        return Converted(write_toml(document), self._left)

    def _deployment(self, index: int, entry: Table) -> Deployment | None:
        where = f"model_list[{index}]"
        parameters = _table(entry.get("litellm_params"))
        alias, model = entry.get("model_name"), parameters.get("model")
        if not isinstance(alias, str) or not isinstance(model, str):
            self._left.append(f"{where}: it names no model_name and litellm_params.model")
            return None
        if "*" in alias or "*" in model:
            self._left.append(
                f"{where}: the wildcard {alias!r} for {model!r}; clients ask for `provider/model` instead"
            )
            return None
        for name in sorted(parameters.keys() - PARAMETERS):
            self._left.append(f"{where}.litellm_params.{name}")
        for name in sorted(entry.keys() - {"model_name", "litellm_params"}):
            self._left.append(f"{where}.{name}")
        provider = self._provider(where, model, parameters)
        if provider is None:
            return None
        name = model.partition("/")[2] if "/" in model and model.partition("/")[0] in PREFIXES else model
        weight = parameters.get("weight")
        return Deployment(
            alias=alias,
            target=f"{provider}/{name}",
            weight=weight if isinstance(weight, int | float) else None,
            parameters=parameters,
        )

    def _provider(self, where: str, model: str, parameters: Table) -> str | None:
        prefix = model.partition("/")[0] if "/" in model else "openai"
        base_url = parameters.get("api_base") or parameters.get("base_url")
        known = PREFIXES.get(prefix)
        if known is None and base_url is None:
            self._left.append(
                f"{where}: no provider kind for {model!r}; give it an api_base, or add it by hand"
            )
            return None
        if known is None:
            known = Known("openai-compatible", f"{_variable(prefix)}_API_KEY")
        if prefix == "openai" and base_url is not None:
            known = known._replace(kind="openai-compatible")
        key, version = parameters.get("api_key"), parameters.get("api_version")
        identity = (prefix, str(base_url), str(key), str(version))
        if identity in self._provider_names:
            return self._provider_names[identity]
        alike = sum(1 for other in self._provider_names if other[0] == prefix)
        name = _name(prefix) if alike == 0 else f"{_name(prefix)}-{alike + 1}"
        table: Table = {"kind": known.kind}
        if (url := base_url or known.base_url) is not None:
            table["base_url"] = url
        if (credential := self._credential(where, known, name, key)) is not None:
            table["api_key"] = credential
        if version is not None:
            table["api_version"] = str(version)
        self._providers[name] = table
        self._provider_names[identity] = name
        return name

    def _credential(self, where: str, known: Known, name: str, key: Any) -> str | None:
        if isinstance(key, str) and key.startswith("os.environ/"):
            return f"env:{key.removeprefix('os.environ/')}"
        if key is None:
            local = known.base_url is not None and "127.0.0.1" in known.base_url
            return None if local or known.kind == "openai-compatible" else f"env:{known.variable}"
        variable = f"{_variable(name)}_API_KEY"
        self._left.append(
            f"{where}.litellm_params.api_key: secrets never stand in headgate.toml; put it into {variable}"
        )
        return f"env:{variable}"

    def _models(self, deployments: list[Deployment]) -> dict[str, Table]:
        groups: dict[str, list[Deployment]] = {}
        for deployment in deployments:
            groups.setdefault(deployment.alias, []).append(deployment)
        fallbacks = self._fallbacks()
        return {
            alias: self._model(
                alias, group, [d for name in fallbacks.get(alias, []) for d in groups.get(name, [])]
            )
            for alias, group in groups.items()
        }

    def _model(self, alias: str, group: list[Deployment], after: list[Deployment]) -> Table:
        wanted = str(self._router.get("routing_strategy", "simple-shuffle"))
        strategy = STRATEGIES.get(wanted)
        targets = list(dict.fromkeys(d.target for d in (*group, *after)))
        alone = len({d.target for d in group}) == 1
        table: Table = {"targets": targets}
        if after and not alone:
            self._left.append(
                f"models.{alias}: {wanted} among {len(group)} deployments, because it has fallbacks as well; "
                "its targets are tried in order"
            )
        elif not alone and strategy is None:
            self._left.append(
                f"router_settings.routing_strategy {wanted!r} for {alias}; targets are tried in order"
            )
        elif not alone and strategy is not None:
            table["strategy"] = strategy
            weights = {d.target: d.weight for d in group if d.weight is not None}
            if weights and strategy == "weighted":
                table["targets"] = [
                    Inline({"target": target, "weight": weights.get(target, 1)}) for target in targets
                ]
        if timeout := self._timeout(group[0].parameters):
            table["timeout"] = Inline(timeout)
        retries = group[0].parameters.get("max_retries", self._setting("num_retries"))
        if isinstance(retries, int):
            table["retry"] = Inline({"attempts": min(max(retries, 0) + 1, 10)})
        return table

    def _timeout(self, parameters: Table) -> Table:
        total = parameters.get("timeout", self._router.get("timeout", self._settings.get("request_timeout")))
        first = parameters.get("stream_timeout", self._router.get("stream_timeout"))
        found = {"first_token": first, "total": total}
        return {name: _seconds(value) for name, value in found.items() if isinstance(value, int | float)}

    def _fallbacks(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for entry in (*_list(self._router.get("fallbacks")), *_list(self._settings.get("fallbacks"))):
            for alias, names in _table(entry).items():
                found.setdefault(alias, []).extend(str(name) for name in _list(names))
        return found

    def _limits_of(self, deployment: Deployment) -> None:
        target, parameters = deployment.target, deployment.parameters
        for key, unit in (("rpm", "requests"), ("tpm", "tokens")):
            if isinstance(parameters.get(key), int):
                self._rate_limits.append(
                    {
                        "name": f"{_name(target)}-{unit}",
                        "scope": Inline({"model": target}),
                        "limit": f"{parameters[key]} {unit}",
                        "window": "minute",
                    }
                )
        limit = parameters.get("max_budget")
        if limit is not None:
            self._budget(
                f"{_name(target)}-budget", {"model": target}, limit, parameters.get("budget_duration")
            )
        self._price_of(target, parameters)

    def _price_of(self, target: str, parameters: Table) -> None:
        keys = {
            "input": "input_cost_per_token",
            "output": "output_cost_per_token",
            "cache_read": "cache_read_input_token_cost",
        }
        prices = {name: _per_million(parameters[key]) for name, key in keys.items() if key in parameters}
        if "input" in prices and "output" in prices:
            self._prices[target] = prices
        elif prices:
            self._left.append(f"prices of {target}: both input and output are needed")

    def _shared_budgets(self) -> None:
        for provider, entry in _table(self._router.get("provider_budget_config")).items():
            table = _table(entry)
            limit = table.get("budget_limit", table.get("max_budget"))
            period = table.get("time_period", table.get("budget_duration"))
            names = [name for identity, name in self._provider_names.items() if identity[0] == provider]
            for name in names:
                self._budget(f"{name}-budget", {"provider": name}, limit, period)
            if not names:
                self._left.append(f"router_settings.provider_budget_config.{provider}: no model uses it")
        if self._settings.get("max_budget") is not None:
            self._budget("all", {}, self._settings["max_budget"], self._settings.get("budget_duration"))

    def _budget(self, name: str, scope: Table, limit: Any, period: Any) -> None:
        window = "total" if period is None else WINDOWS.get(str(period))
        amount = _decimal(limit)
        if window is None or amount is None:
            self._left.append(
                f"budget {name}: {limit!r} a {period!r}; windows are hour, day, week, month, total"
            )
            return
        entry: Table = {"name": name, "limit": f"{amount} USD", "window": window}
        if scope:
            entry["scope"] = Inline(scope)
        self._budgets.append(entry)

    def _setting(self, name: str) -> Any:
        return self._router.get(name, self._settings.get(name))

    def _leftovers(self) -> None:
        carried = {
            "router_settings": {
                "routing_strategy",
                "fallbacks",
                "num_retries",
                "timeout",
                "stream_timeout",
                "provider_budget_config",
            },
            "litellm_settings": {
                "fallbacks",
                "num_retries",
                "request_timeout",
                "max_budget",
                "budget_duration",
            },
        }
        for section, value in self._config.items():
            if section == "model_list":
                continue
            names = sorted(set(_table(value)) - carried.get(section, set()))
            self._left.extend(f"{section}.{name}" for name in names)
            if not isinstance(value, dict):
                self._left.append(section)


def _table(value: Any) -> Table:
    return (
        {str(name): item for name, item in cast("dict[Any, Any]", value).items()}
        if isinstance(value, dict)
        else {}
    )


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _name(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in text.lower()).strip("-")


def _variable(text: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text.upper())


def _seconds(value: int | float) -> str:
    return f"{round(value * 1000)}ms" if value != int(value) else f"{int(value)}s"


def _decimal(value: Any) -> str | None:
    """Write a YAML number as a plain decimal; PyYAML reads `1e-06` as text."""
    try:
        return f"{Decimal(str(value)).normalize():f}"
    except InvalidOperation:
        return None


def _per_million(value: Any) -> str:
    text = _decimal(value)
    return f"{(Decimal(text) * 1_000_000).normalize():f}" if text is not None else "0"
