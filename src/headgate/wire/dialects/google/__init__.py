"""Google's generateContent, both ways. Read next: `codec`."""

from headgate.wire.dialects.google.codec import GoogleCodec

CODEC = GoogleCodec()
"""The dialect `google`."""
