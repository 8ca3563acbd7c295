"""Dialects both ways: bytes to the canonical call, answer and events of `core`, and back. Sans-I/O, pure.

One folder for each dialect. Read next: `model` (what a codec is), `core.chat`, `core.events`.
"""
