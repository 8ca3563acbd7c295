"""Words that all packages share: pure values and ports, importing nothing else of ours.

Never here: asyncio, a database, HTTP. Read next: `core.ports` for the seams, `core.faults` for errors.
"""
