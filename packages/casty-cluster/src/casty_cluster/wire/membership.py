"""The messages between the membership machines of two nodes.

`to` is always the uid of the incarnation that a message is for: another one that listens at the same address by now
ignores it. `cluster` is the uid of the node that formed the cluster, 0 for none.
"""

from typing import NamedTuple

from casty.serialization import message


@message("casty.cluster.Presence")
class Presence(NamedTuple):
    """What a node reports of itself to nodes that may be of another cluster, or of none."""

    system: str
    """The actor system's name."""
    cluster: int
    size: int
    """Members of that cluster that are not downed."""
    circle: tuple[tuple[str, int], ...]
    """The seed set: this node and its seed nodes as configured, sorted."""
    awaited: tuple[tuple[str, int], ...] = ()
    """The former peers of a downed node, which may still be running the cluster that downed it: the node forms no new
    one before all of these are joining as well.
    """
    resolved: tuple[tuple[str, int], ...] = ()
    """The seed set with each node's own address in the place of its name, as far as the nodes have answered; empty
    where that is the same.
    """


@message("casty.cluster.Probe")
class Probe(NamedTuple):
    """Asks a node what it is, or any incarnation that listens at an address."""

    presence: Presence
    at: tuple[str, int] | None = None
    """The address that the probe was sent to; the receiver may call itself by another one."""


@message("casty.cluster.Answer")
class Answer(NamedTuple):
    """The answer to a probe."""

    to: int
    presence: Presence
    at: tuple[str, int] | None = None
    """As in the probe."""


@message("casty.cluster.Join")
class Join(NamedTuple):
    """Asks a member to admit the sender to its cluster."""

    to: int
    system: str
    node_id: str
    roles: tuple[str, ...]
    configuration: dict[str, str]
    """Settings that must be the same on all nodes that have them."""


@message("casty.cluster.Refusal")
class Refusal(NamedTuple):
    """Rejects a `Join`, or a probe of another system."""

    to: int
    reason: str
    final: bool
    """Whether it would be rejected again later."""
    patience: float = 0.0
    """Seconds for which the node goes on asking all the same, as the obstacle may turn out to be gone."""


@message("casty.cluster.Gossip")
class Gossip(NamedTuple):
    """A whole state. Nodes are named by their position: the members first, then those with a tombstone."""

    to: int
    cluster: int
    nodes: tuple[tuple[str, int, int], ...]
    """Host, port and uid."""
    members: tuple[tuple[str, tuple[str, ...], str, int], ...]
    """node_id (empty where it is the address), roles, status and up_number of each."""
    clock: tuple[int, ...]
    """Of each node."""
    seen: bytes
    """A bit for each member, the first one the lowest bit of the first byte; likewise below."""
    rows: tuple[tuple[int, int, bytes], ...]
    """Observer, version, and the members that it cannot reach."""
    ages: tuple[float, ...]
    """Seconds since each tombstone was set."""


@message("casty.cluster.Digest")
class Digest(NamedTuple):
    """Enough of a state to notice that the receiver has another one."""

    to: int
    cluster: int
    clock: int
    """`VectorClock.digest`."""
    seen: bytes
    """As in `Gossip`: where the clocks are the same, so are the members."""


@message("casty.cluster.GivenUp")
class Downed(NamedTuple):
    """Notifies the receiver that it was downed or removed by the sender's cluster."""

    to: int
    cluster: int
    size: int
    """The sender's members, and the lowest uid of them: the receiver's cluster may have downed the sender as well."""
    lowest: int


@message("casty.cluster.Goodbye")
class Goodbye(NamedTuple):
    """The sender is a member of another cluster, whatever the receiver's state has of it."""

    cluster: int


@message("casty.cluster.Dissolve")
class Dissolve(NamedTuple):
    """This cluster gives way to a larger one: all its members restart and join that one."""

    cluster: int
    contact: tuple[str, int]
    """The address of a member of the larger one."""


type Message = Probe | Answer | Join | Refusal | Gossip | Digest | Downed | Goodbye | Dissolve
"""All messages of frames of the kind `frames.MEMBERSHIP`."""
