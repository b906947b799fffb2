"""The embedded network service: neutron's v2.0 API, its addresses, its ports and the agent that plugs them."""
