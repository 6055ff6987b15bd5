"""Sharding as pure machines: where each shard runs, and how messages find it while it moves."""
