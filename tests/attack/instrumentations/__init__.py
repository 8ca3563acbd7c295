"""Instrumentations of others, unchanged, by their own exporters, against a provider with known answers."""
