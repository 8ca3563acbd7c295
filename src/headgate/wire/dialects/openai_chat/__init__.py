"""OpenAI's chat completions, both ways, in the spellings of all its families. Read next: `codec`."""

from headgate.wire.dialects.openai_chat.codec import CODEC as CODEC
