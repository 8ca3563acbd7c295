"""What attributes mean: OpenTelemetry's names old and new, and those of others."""
