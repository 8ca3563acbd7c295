"""Headgate: one URL in front of your models. Start reading at `headgate.gateway.serve`."""

from headgate.offered import __getattr__ as __getattr__
