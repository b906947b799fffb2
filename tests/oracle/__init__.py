"""Oracle cases: what nova's and placement's own code answered, run through Berth and compared."""
