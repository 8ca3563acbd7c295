"""Which templates a message was made of: an index of their fragments, and what their holes were filled with.

Pure: no database, no event loop, no clock. Never changes a message and never keeps one, but for the bounded
examples of `unknowns`. Read next: `model`, then `index`.
"""
