"""Which copies of a group have to agree.

An event counts as stored when 1 + `min_acks` copies have it. A later primary must meet one of these: among n copies,
any n - `min_acks` do. It must also meet the copies by which another primary has replaced the group, or each of the two
could go on with a part of the copies, and new ones in place of the others. So it needs a majority as well. Of an even
number, half of them is enough with the first of the replicas: one of two copies can go on when the primary is lost.

With `min_acks` = 0 a primary alone stores an event: no other copies can know it, or keep the primary from writing.
"""

from collections.abc import Collection

from casty_cluster.wire.replication import CopyId, Group


def stores(group: Group, copies: Collection[CopyId]) -> bool:
    """Whether what these copies have stored survives, as the other copies cannot decide without them."""
    return sum(copy in copies for copy in group.copies) > group.min_acks


def decides(group: Group, copies: Collection[CopyId]) -> bool:
    """Whether these copies may say what the group has stored, and replace it."""
    all_copies, agreeing = len(group.copies), sum(copy in copies for copy in group.copies)
    if group.min_acks and agreeing < all_copies - group.min_acks:
        return False
    has_casting_vote = all_copies > 1 and group.copies[1] in copies
    return 2 * agreeing > all_copies or (2 * agreeing == all_copies and has_casting_vote)


def blocks(group: Group, copies: Collection[CopyId]) -> bool:
    """Whether the others cannot decide without one of these copies."""
    return not decides(group, [copy for copy in group.copies if copy not in copies])
