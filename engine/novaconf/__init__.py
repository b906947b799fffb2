"""nova.conf: reading one, and turning what it says of scheduling into Berth's settings."""
