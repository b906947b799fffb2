"""``berth replay``: a trace of instances coming and going, sent to the service in exactly the order of its events."""
