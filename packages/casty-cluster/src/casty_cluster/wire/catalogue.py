"""All messages between nodes, by the names under which they are sent.

Each of Casty's own messages is defined in this package, and its name begins with `casty.`; a plugin's feature defines
its messages itself, under names of its own. Names and the meaning of fields stay for good. A message may get further
fields if they have defaults: an older node skips them, a newer one fills them in. Any other change is a new message.
"""

from collections.abc import Mapping
from typing import Final, get_args

from casty.serialization import REGISTRY
from casty.spi.transport import Versions

from casty_cluster.wire import bulk, client, codec, copies, forwarding, membership, replication, sharding, system

VERSIONS: Final = Versions(1, 1)
"""Of the protocol that this package describes. An addition needs no new version, as older nodes skip it; a change of
what there is needs one, and from then on the nodes speak both until no node of the older version is left.
"""
PREFIX: Final = "casty."
"""How names of Casty's own messages begin, and no others."""

MEMBERSHIP: Final[tuple[type, ...]] = get_args(membership.Message.__value__)
"""What the membership machines of two nodes send each other, in frames of their own kind."""
LINK: Final[tuple[type, ...]] = (system.Numbered, system.Acknowledged)
"""The two halves of a system link."""
SYSTEM: Final[tuple[type, ...]] = (
    system.Retiring,
    system.Watch,
    system.Unwatch,
    system.Stopped,
    system.HandOver,
    system.HandedOver,
    system.Changed,
    sharding.Batch,
)
"""What is sent over system links."""
SHARDING: Final[tuple[type, ...]] = (
    sharding.Hello,
    sharding.Report,
    sharding.Register,
    sharding.GetHome,
    sharding.ShardHome,
    sharding.KeepCopy,
    sharding.FoundShard,
    sharding.KnowShards,
    sharding.CopyReport,
    sharding.Grant,
    sharding.Started,
    sharding.Refused,
    sharding.HandOff,
    sharding.Stopped,
    sharding.Forget,
    sharding.Forgotten,
    sharding.MayStop,
    sharding.GetState,
    sharding.StateReport,
    sharding.RebalanceNow,
    sharding.Rebalanced,
    sharding.ForcePromote,
    sharding.Forced,
)
"""What a `Batch` contains."""
BULK: Final[tuple[type, ...]] = (*get_args(bulk.ToReceiver.__value__), *get_args(bulk.ToSender.__value__))
"""What the two sides of a bulk transfer send each other, in frames of their own kind."""
FORWARDING: Final[tuple[type, ...]] = (
    forwarding.Forwarded,
    forwarding.Returned,
    forwarding.Flush,
    forwarding.Flushed,
)
"""What Casty's own actors send each other on the user lane, in order with the users' messages."""
FROM_CLIENTS: Final[tuple[type[client.ToNode], ...]] = get_args(client.ToNode.__value__)
TO_CLIENTS: Final[tuple[type[client.ToClient], ...]] = get_args(client.ToClient.__value__)
"""What clients and nodes send each other, in frames of their own kind."""
COPIES: Final[tuple[type, ...]] = copies.MESSAGES
"""What copies of a shard send each other, in frames of their own kind."""
PARTS: Final[tuple[type, ...]] = (
    membership.Presence,
    system.Entry,
    client.Instance,
    sharding.CopyState,
    sharding.ShardCopies,
    replication.Epoch,
    replication.Position,
    replication.Group,
    replication.View,
    *codec.VALUES,
)
"""What other messages contain."""


def _name(kind: type) -> str:
    wire = REGISTRY.name_of(kind)
    assert wire is not None, f"{kind.__qualname__} is in the catalogue and has no name"
    return wire.name


CATALOGUE: Final[Mapping[str, type]] = {
    _name(kind): kind
    for kind in (
        *MEMBERSHIP,
        *LINK,
        *SYSTEM,
        *SHARDING,
        *BULK,
        *FORWARDING,
        *COPIES,
        *FROM_CLIENTS,
        *TO_CLIENTS,
        *PARTS,
    )
}
