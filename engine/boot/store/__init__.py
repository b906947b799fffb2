"""The boot's database: instances and all that is recorded of them."""
