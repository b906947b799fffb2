"""nova-api: the REST service that users speak to, and the worker that asks the scheduler for hosts."""
