"""Traces out, as OTLP and as JSON Lines: what they hold, written so that another house reads the same."""
