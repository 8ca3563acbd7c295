"""Providers that are none: answers made up or recorded, spoken in every dialect.

Inside a gateway they are transports (`standins.mock`, `standins.replay`); in front of a port they are the
upstream of tests and of the demo (`standins.served`). Never here: keys, budgets, records.
"""
