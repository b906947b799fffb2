"""Everything on one machine: the parts as processes, their ports and passwords, and what a new cloud begins with."""
