"""The control API: mounts each slice's routes behind one gate, with alerts, webhooks, health and metrics.

Read next: `api.app` (what is mounted), `api.services` (what it is built from), `access.gate` (who gets in).
"""
