"""What is asked of traces: lists, one trace, search, sessions, series, export."""
