"""The configuration of a server that has no file: what the environment's keys allow, and the mock. Pure."""

from collections.abc import Mapping

from headgate.catalog.kinds import families, kinds
from headgate.config.document import Document, ProviderTable

MOCK_NAME = "mock"


def default_document(environ: Mapping[str, str]) -> Document:
    """Return a document with each provider whose usual environment variable is set, and always `mock`.

    Names are those of the kind or service (`openai`, `google`, `mistral`). The document refers to the
    variables and never holds what is in them.
    """
    providers: dict[str, ProviderTable] = {}
    for kind, facts in kinds().items():
        variable = _first_set(facts.api_key_env, environ)
        if variable is not None and facts.base_url is not None:
            providers[kind] = ProviderTable(kind=kind, api_key=f"env:{variable}")
    for family in families():
        variable = _first_set(family.api_key_env, environ)
        if variable is not None:
            providers[family.name] = ProviderTable(
                kind="openai-compatible", base_url=family.base_url, api_key=f"env:{variable}"
            )
    providers[MOCK_NAME] = ProviderTable(kind="mock")
    return Document(providers=providers)


def _first_set(names: tuple[str, ...], environ: Mapping[str, str]) -> str | None:
    return next((name for name in names if environ.get(name, "").strip()), None)
