"""One actor in the whole cluster."""
