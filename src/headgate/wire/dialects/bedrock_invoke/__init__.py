"""The bodies of Bedrock's InvokeModel, each in the dialect of its model's maker. Sans-I/O, pure.

They are read and written back so that what is read can be proved. Read next: `bodies`, `families`.
"""
