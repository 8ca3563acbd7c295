"""Staged rollouts: an alias moves to a candidate by stages, on evidence, and falls back by itself.

Start reading at `rollouts.model`, then `rollouts.deciding`, `rollouts.moving`.
"""
