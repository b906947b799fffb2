"""What-if: capacity questions about a fleet, answered by the chain that places, on a copy of what is there."""
