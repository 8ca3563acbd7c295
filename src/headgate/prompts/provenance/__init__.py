"""Where each stretch of a recorded call's messages came from."""
