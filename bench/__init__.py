"""The benchmark beside peers and the attack on budgets: `make bench`, `make overspend`. Read next: `run`."""
