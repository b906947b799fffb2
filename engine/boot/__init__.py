"""The boot of an instance in 28 steps: API, conductor, compute agents, and what they share."""
