"""The benchmark against peers, and the attack on budgets: `make bench`, `make overspend`. Read next: `run`."""
