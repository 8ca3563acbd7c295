"""Budgets, rate limits and the loop guard: what a call may spend, and how fast.

Read next: `meters.model` (the rules), `meters.ledger` (leases and reservations in a gateway process).
"""
