"""What applications import: `headgate.observe`, `headgate.sdk.Client`. Loads nothing of the server.

Read next: `sdk.observing`, `sdk.client`, `sdk.prompts`.
"""

from headgate.offered import __getattr__ as __getattr__
