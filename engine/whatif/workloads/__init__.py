"""Workloads: which instances come and go, from a trace, a mix of flavors at random, or a fill."""
