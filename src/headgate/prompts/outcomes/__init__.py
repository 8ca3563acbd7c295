"""How each version of a prompt does: its calls, what they came to, and what was said of them."""
