"""What the operator has to know where a coordinator waits for another node for too long."""

from casty.member import NodeId


def late_report(node: NodeId, coordinator: NodeId, seconds: float, *, recovering: bool) -> str:
    waits = "no shard is granted, and" if recovering else "nothing is granted to it, but"
    return (
        f"{node} has not reported its shards to the coordinator {coordinator} within {seconds:g} s: {waits} "
        "shards that run are not concerned; it ends with the report, or when the node is downed"
    )


def late_start(node: NodeId, shard: int, epoch: int, seconds: float, target: NodeId | None) -> str:
    then = f"it goes to {target}" if target else "no other node can run it, so this one is tried again"
    return f"{node} has not started shard {shard} at epoch {epoch} within {seconds:g} s; {then}"
