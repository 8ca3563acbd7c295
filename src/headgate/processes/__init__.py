"""Processes: the supervisor behind `headgate up`, the frame around each worker, logs, backup and restore.

Generic: knows roles by name and nothing of what they serve; `headgate.main` supplies that.
Read next: `supervisor`, then `child` and `worker`.
"""
