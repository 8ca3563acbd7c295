"""Nothing lost: append-only segment files that a gateway writes, and the shipper that brings them home.

Moves opaque envelopes; what is in them is `core.entries`, and what becomes of them is for sinks. Read next:
`journal.format`, `journal.writer`, `journal.shipper`.
"""
