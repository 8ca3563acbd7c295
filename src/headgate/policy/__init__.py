"""What is allowed: labels, residency, and the one way out. Read next: `policy.residency`, `policy.egress`."""
