"""What applications import: `from headgate.sdk import Client`. Loads nothing of the server, and little else.

Read next: `sdk.client`, `sdk.prompts`.
"""

from headgate.sdk.client import Client as Client
