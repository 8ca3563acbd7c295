"""Datasets: named collections of cases to check with, from files, recorded calls, traces and feedback.

Read next: `datasets.model`, `datasets.files`.
"""
