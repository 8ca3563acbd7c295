"""Override rules, releases and environments: what is changed in calls, and what goes out together.

Read next: `releases.model`, `releases.rules`.
"""
