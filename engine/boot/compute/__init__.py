"""The compute agent: many simulated hosts in one process, from the message to the running domain, and back."""
