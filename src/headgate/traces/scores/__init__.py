"""Feedback and scores on traces, spans, calls, sessions and users."""
