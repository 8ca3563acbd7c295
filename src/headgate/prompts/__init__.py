"""Prompts where they are: templates, and finding them in code, in files beside it and in its history.

Never reaches a network or a database; only `scanning` and `history` read files, and nothing that is scanned runs.
Read next: `model`, then `scanning`.
"""
