"""Allocation candidates over trees of resource providers, decided as the placement service decides; pure functions."""
