"""Whether models that others serve changed by themselves: canaries, live traffic, and models that end.

Runs in the control process; gateways load `drift.model` alone. Start reading at `drift.watching`, then
`drift.running`.
"""
