"""Berth: places virtual machines on hosts, exactly as nova would, and in microseconds."""

__version__ = "0.1.0"
