"""Stubs made from proto/engine/v1 by `make proto`."""
