"""The machine of a client: which node it is attached to."""
