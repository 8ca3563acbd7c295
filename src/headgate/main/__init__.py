"""The composition root: the only place that knows which concrete parts the processes are made of.

A module for each process, so that none loads what only another needs: `up` is what `headgate up` runs, and
supervises; `gateway`, `control` and `shipper` are its workers, each started as `python -m` and told on its
standard input what it is. No logic here. Read next: `up`, then `gateway`.
"""
