"""Exact fitting of guests onto hosts: NUMA cells, pinned CPUs, page sizes and PCI devices, by pure functions."""
