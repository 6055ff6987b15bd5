"""Sharding as pure machines: where each shard runs, and how messages find it while it moves.

Each node has a `Region` for each kind of entity, and a `Coordinator`, of which only that on the oldest member acts.
"""
