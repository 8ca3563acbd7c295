"""Prompts that Headgate keeps and renders, for teams that want that. Read next: `managed.model`."""
