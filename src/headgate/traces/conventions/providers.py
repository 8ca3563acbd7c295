"""Names of providers: what instrumentations write, and OpenTelemetry's word for it. A table.

Read next: `conventions.priced`, which asks the price table by these words.
"""

from collections.abc import Mapping
from typing import Final

PROVIDERS: Final[Mapping[str, str]] = {
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "azure-openai": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "azureopenai": "azure.ai.openai",
    "az.ai.inference": "azure.ai.inference",
    "azure_ai": "azure.ai.inference",
    "aws": "aws.bedrock",
    "amazon": "aws.bedrock",
    "bedrock": "aws.bedrock",
    "aws_bedrock": "aws.bedrock",
    "amazon-bedrock": "aws.bedrock",
    "amazon_bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "google": "gcp.gen_ai",
    "google-gla": "gcp.gemini",
    "google_genai": "gcp.gemini",
    "google.generative-ai": "gcp.gemini",
    "gemini": "gcp.gemini",
    "generative_ai": "gcp.gemini",
    "google-vertex": "gcp.vertex_ai",
    "google.vertex": "gcp.vertex_ai",
    "google_vertexai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertex": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "moonshot": "moonshot_ai",
    "moonshotai": "moonshot_ai",
    "xai": "x_ai",
    "watsonx": "ibm.watsonx.ai",
    "ibm": "ibm.watsonx.ai",
    "langchain": "",
    "llamaindex": "",
    "unknown": "",
}
"""Lower-case names, and the word in their place; empty for what names no provider."""


def provider_of(name: str) -> str:
    """OpenTelemetry's word for a provider; a name that no table holds, in lower case, as it is.

    Vercel's SDK appends the interface: `openai.chat` is openai.
    """
    plain = name.lower()
    known = PROVIDERS.get(plain)
    if known is not None:
        return known
    head, dot, tail = plain.rpartition(".")
    if dot and tail in _INTERFACES:
        return PROVIDERS.get(head, head)
    return plain


_INTERFACES: Final = frozenset(
    {
        "chat",
        "responses",
        "completion",
        "completions",
        "messages",
        "embedding",
        "embeddings",
        "image",
        "speech",
    }
)
