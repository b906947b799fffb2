"""What every REST service here shares: faults, tokens, microversions, bodies, paging, and the server."""
