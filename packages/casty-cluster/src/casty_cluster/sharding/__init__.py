"""Entities on a cluster: the shells of `protocol.sharding`, and the references to entities wherever they run."""
