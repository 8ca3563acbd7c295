"""The data plane: one function per call. Start reading at `gateway.serve`."""
