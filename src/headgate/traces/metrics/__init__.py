"""GenAI metrics of applications: kept as sums by the hour, read as series; never a part of costs."""
