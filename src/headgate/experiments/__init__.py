"""Experiments on live traffic: who is in which arm, what came of it, and what may be concluded.

Start reading at `experiments.model`, then `experiments.assignment` (gateway), `experiments.reporting`.
"""
