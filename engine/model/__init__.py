"""The vocabulary: what a host, a flavor, a request and a selection are, as frozen data."""
