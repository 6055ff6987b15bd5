"""The protocols of a cluster as pure machines: no clock, no network, no chance of their own."""
