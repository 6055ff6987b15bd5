"""Copies of shards on the journals of their nodes: the shell of `protocol.replication`."""
