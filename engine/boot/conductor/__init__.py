"""The conductor: reads and writes the database for compute agents, and carries their messages."""
