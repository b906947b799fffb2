"""The berth command line: one command group a file; heavy modules are imported by the commands that need them."""
