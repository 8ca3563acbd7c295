"""OpenAI's text completions, both ways: a prompt, and the text that follows it. Sans-I/O, pure.

They are passed through; they are read and written back so that what is read can be proved. Read next:
`bodies`, `streams`.
"""
