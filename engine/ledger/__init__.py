"""The durable truth: allocations, owners, shapes, hosts, documents and token answers in one embedded SQLite database.

``store.Ledger`` is the way in; ``records`` are what is submitted; ``state.LedgerState`` is what is loaded.
"""
