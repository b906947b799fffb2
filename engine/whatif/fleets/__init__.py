"""Fleets: made from one line, opened from files and snapshots, and hosts chosen from them."""
