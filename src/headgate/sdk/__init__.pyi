"""What applications import."""

from headgate.sdk.client import Client as Client
