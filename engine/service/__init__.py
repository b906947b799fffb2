"""The gRPC edge: servers, conversion, errors as statuses, and the placer, the one writer of table and ledger."""
