"""Headgate: one URL in front of your models. Start reading at `headgate.gateway.serve`."""

__version__ = "0.1.0"
