"""OTLP out: calls as spans and metrics to any collector."""
