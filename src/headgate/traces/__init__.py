"""Traces: spans and calls of one request of an application, their costs and their lineage.

Start reading at docs/design/006-traces.md, then `traces.model`.
"""
