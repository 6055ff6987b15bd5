"""What the operator has to know where two nodes spread the entities of a region over different numbers of shards."""

from casty.member import NodeId


def mismatch(node: NodeId, theirs: int, coordinator: NodeId, ours: int) -> str:
    """`node` spreads the entities over `theirs` shards, the coordinator over `ours`."""
    return (
        f"{node} has the region with num_shards={theirs}, the coordinator {coordinator} with num_shards={ours}: {node} "
        "runs no shards, and its messages for entities find no home; spawn the region with the same num_shards on all "
        "nodes"
    )
