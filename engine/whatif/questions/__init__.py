"""Questions: one module for each, whose ``ask`` turns a scenario and its inputs into an answer."""
