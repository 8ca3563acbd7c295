"""Prompts where they are: templates, and finding them in code, in files beside it and in its history.

Never reaches a network or a database and runs nothing that it scans; `scanning` and `history` read files.
Read next: `model`, then `scanning`.
"""
