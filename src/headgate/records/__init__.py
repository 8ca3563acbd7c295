"""Requests on record: their rows, bodies, messages and rollups, and the questions asked of them.

Read next: `records.sink`, which writes them from the journal, and `records.queries`, which reads them.
"""
