"""How much one request of an exporter may bring: what is more is left out, refused, or comes again."""

from typing import Final

BODY_BYTES_MAX: Final = 16 * 1024 * 1024
"""Of a body as it is sent, compressed or not."""
BODY_S_MAX: Final = 60.0
"""How long a body may take to arrive."""
INFLATED_BYTES_MAX: Final = 64 * 1024 * 1024
ITEM_BYTES_MAX: Final = 12 * 1024 * 1024
"""Of one span, log record or metric: what is read of it takes several times that in memory."""
ITEMS_MAX: Final = 100_000
"""Spans, log records or metrics in one request."""
FIELDS_MAX: Final = 4 * ITEMS_MAX
"""Of the messages around them."""
JSON_VALUES_MAX: Final = 8_000_000

ATTRIBUTES_MAX: Final = 8_192
"""Of one span, event, link or resource. Indexed names, one for each part of each message, need thousands."""
EVENTS_MAX: Final = 1_024
LINKS_MAX: Final = 256
LIST_MAX: Final = 10_000
"""Members of one list or map inside a value."""
NESTING_MAX: Final = 16
"""How deep lists and maps may lie in one another."""
NAME_CHARACTERS_MAX: Final = 1_024
"""Of names: of a span, an event, an attribute."""
VALUE_BYTES_MAX: Final = 1024 * 1024
"""Of one text; a longer one keeps its head and its tail."""
SPAN_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of all texts of one span together, and of a span as it is kept: half of what the journal takes at once."""
SMALL_VALUE_BYTES_MAX: Final = 16 * 1024
SMALL_SPAN_BYTES_MAX: Final = 512 * 1024
"""The same where a span grew beyond bounds when it was written down."""
BATCH_BYTES_MAX: Final = 1_000_000
"""Of what goes into the journal at once, unless a single span is larger."""

WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
"""Of all bodies that are read or decoded at one time; who comes beyond it comes again."""
DECODING_MAX: Final = 2
"""Requests that are decoded at one time, beside the loop."""
DECODED_AT_ONCE_BYTES: Final = 64 * 1024
"""What is no longer is decoded on the loop."""
INFLATED_AT_ONCE_BYTES: Final = 4 * 1024
"""The same of a compressed body, which may become a thousand times as long."""
CLOCK_MS_OFF_MAX: Final = 24 * 3600 * 1000
"""How far the clock of an application may be off before its spans say so."""

REASONS_MAX: Final = 5
REASON_CHARACTERS_MAX: Final = 300
