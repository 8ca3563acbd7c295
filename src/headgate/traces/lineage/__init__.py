"""Which content went where, across spans."""
