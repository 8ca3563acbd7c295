"""Drills: what goes wrong in production, done on purpose to a set-up on this machine, and judged.

Ends processes and stops the embedded database only of the set-up whose data folder it is given; never reaches
another machine. Read next: `model`, then `plans`.
"""
