"""Budgets, rate limits and the loop guard: what a call may spend, and how fast.

Read next: `meters.model` (the rules), `meters.leases` (the arithmetic of a process), `meters.purse` (what a
gateway calls), `meters.sink` (what the shipper applies), `store/migrations/0010_meters.sql` (what holds in
the database).
"""
