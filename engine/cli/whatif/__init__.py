"""``berth whatif``: capacity questions about a fleet, answered by the chain that places."""
