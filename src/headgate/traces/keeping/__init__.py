"""How spans and traces are kept: rows, totals, words, rollups, retention."""
