"""Whole boots, from the REST call to the running domain: how many a second, and how long each step takes."""
