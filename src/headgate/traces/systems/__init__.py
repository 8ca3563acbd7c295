"""Business systems whose signed events are feedback: a shop, a help desk, a survey."""
