"""The catalogue: templates found in code, as teams upload them, and what traffic was matched to them.

Read next: `catalogue.store`.
"""
