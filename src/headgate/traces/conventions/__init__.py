"""What attributes mean: the names of OpenTelemetry, old and new, and of those who came before and beside it.

Start reading at `conventions.resolve`; the order in which names win is data: `conventions.names`.
"""
