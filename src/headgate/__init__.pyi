"""What `import headgate` offers applications; `headgate.offered` loads it when it is asked for."""

from headgate.core.identity import trace_id_of as trace_id_of
from headgate.sdk.client import Client as Client
from headgate.sdk.feedback import feedback as feedback
from headgate.sdk.installing import configure as configure
from headgate.sdk.installing import flush as flush
from headgate.sdk.observing import observe as observe
from headgate.sdk.surroundings import context as context
from headgate.sdk.surroundings import headers as headers

__version__: str
