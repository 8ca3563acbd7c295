"""What providers and models can do and cost: facts as data, each with source and date.

Pure; never `if provider == ...`, never a network call. Read next: `catalog.model`, `catalog.prices`.
"""
