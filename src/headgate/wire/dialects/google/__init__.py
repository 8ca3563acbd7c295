"""Google's generateContent, both ways. Read next: `codec`."""
