"""Cohere's chat, version 2, both ways. Sans-I/O, pure.

Only providers speak it; it is written for them, and read back so that what is read can be proved. Read next:
`calls`, `answers`, `streams_in`.
"""
