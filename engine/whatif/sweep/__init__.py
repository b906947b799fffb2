"""Sweeps: many runs at once, on this machine's cores or on a Dask cluster, with results in the order of the runs."""
