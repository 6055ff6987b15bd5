"""One node of a cluster: the thin shells that run the machines of `protocol`."""
