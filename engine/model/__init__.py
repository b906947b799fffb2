"""The vocabulary: what a host, a flavor, a request, an allocation and a selection are, as frozen data."""
