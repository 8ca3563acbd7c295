"""Inference for experiments, evaluation and drift: pure functions on numpy and scipy, each with its source.

Never a number where there can't be one: data that can't answer are refused, in words. Start reading at
`statistics.sequences` (intervals that hold at every look), then `statistics.effects`.
"""
