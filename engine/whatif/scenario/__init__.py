"""Scenarios: what a what-if question is asked about, as a TOML document and as checked models of it."""
