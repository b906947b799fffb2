"""The inventory: hosts as columns, and fleets in and out of files."""
