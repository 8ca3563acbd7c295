"""Dialects: bytes to what policy needs, and back. Sans-I/O, pure.

Read next: `wire.model` (what is read from a call), `wire.reading` (how), `wire.streams` (answers).
"""
