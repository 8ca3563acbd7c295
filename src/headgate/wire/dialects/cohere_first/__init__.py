"""Cohere's chat, version 1, both ways: a message, and the history before it. Sans-I/O, pure.

Nobody is spoken to in it any more; it is read and written back so that what is read can be proved. Read next:
`bodies`, `streams`.
"""
