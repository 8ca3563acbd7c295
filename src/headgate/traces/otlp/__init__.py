"""OTLP in: bytes to raw spans, logs and metrics, and what is refused of them."""
