"""Checks: requirements on a target, decided on the cases of a dataset with as few calls as it takes.

Read next: `checks.model`, then `checks.running`. Judges: `checks.judging`.
"""
