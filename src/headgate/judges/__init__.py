"""Judges, what they and people say of the same answers, and the queue of answers that people are to mark.

Part of the control process; the gateway loads none of it. Read next: `judges.model`, `judges.analysis`.
"""
