"""Whether an answer says only what its context says, and which part of the context it needed.

Part of the control process and the command line; gateways load none of it. Read next: `grounding.model`.
"""
