"""OpenAI's Responses: calls, answers and streams, both ways. Read next: `codec`."""
