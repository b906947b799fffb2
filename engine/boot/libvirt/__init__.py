"""The launcher: what runs guests on a host, behind one interface."""
