"""Anthropic's Messages API, both ways: calls, answers, streams, and the counting of tokens. Sans-I/O, pure.

Read next: `calls_in`, `calls_out`, `parts_in`, `answers`, `streams_in`, `streams_out`.
"""
