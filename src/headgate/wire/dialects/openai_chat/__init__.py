"""OpenAI's chat completions, both ways, in the spellings of all its families. Read next: `codec`."""
