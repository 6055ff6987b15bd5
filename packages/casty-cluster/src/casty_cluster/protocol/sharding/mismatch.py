"""What the operator has to know where two nodes have spawned a region in different ways."""

from casty.member import NodeId


def mismatch(node: NodeId, theirs: int, coordinator: NodeId, ours: int) -> str:
    """`node` spreads the entities over `theirs` shards, the coordinator over `ours`."""
    return (
        f"{node} has the region with num_shards={theirs}, the coordinator {coordinator} with num_shards={ours}: {node} "
        "runs no shards, and its messages for entities find no home; spawn the region with the same num_shards on all "
        "nodes"
    )


def other_role(node: NodeId, role: str, first: NodeId, its: str) -> str:
    """`node` has spawned the region for nodes with `role`, and `first` has before, for those with another one; an empty
    role stands for all nodes.
    """
    shown, before = (f"role={text!r}" if text else "no role" for text in (role, its))
    return (
        f"{node} has spawned the region with {shown}, and {first} with {before}: each node goes by its own, so "
        "entities may run where they should not; spawn the region with the same role on all nodes"
    )
