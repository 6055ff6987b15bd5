"""What the membership machines of two nodes say to each other.

`to` is always the uid of the incarnation that is meant: whoever listens at the same address now does not take it for
himself. `cluster` is the uid of the node that began it, 0 for none.
"""

from typing import NamedTuple

from casty.serialization import message


@message("casty.cluster.Presence")
class Presence(NamedTuple):
    """What a node says of itself to strangers."""

    system: str
    """The actor system's name."""
    cluster: int
    size: int
    """Members of that cluster that have not been given up."""
    circle: tuple[tuple[str, int], ...]
    """This node and its seed nodes as configured, sorted."""
    awaited: tuple[tuple[str, int], ...] = ()
    """Where others may go on with the cluster that has given up this node: it begins no other one before they look for
    one.
    """
    resolved: tuple[tuple[str, int], ...] = ()
    """The circle by the addresses by which its nodes call themselves, as far as they have answered; empty where that is
    the circle itself.
    """


@message("casty.cluster.Probe")
class Probe(NamedTuple):
    """Who is there? To an address, whoever listens at it."""

    presence: Presence
    at: tuple[str, int] | None = None
    """The address that the probe was sent to, perhaps another one than by which the receiver calls itself."""


@message("casty.cluster.Answer")
class Answer(NamedTuple):
    """The answer to a probe."""

    to: int
    presence: Presence
    at: tuple[str, int] | None = None
    """As in the probe."""


@message("casty.cluster.Join")
class Join(NamedTuple):
    """Let me in."""

    to: int
    system: str
    node_id: str
    roles: tuple[str, ...]
    configuration: dict[str, str]
    """Settings that must be the same on all nodes that have them."""


@message("casty.cluster.Refusal")
class Refusal(NamedTuple):
    """The answer to a `Join`, or to a probe of another system, that leads to nothing."""

    to: int
    reason: str
    final: bool
    """Whether it would be refused again later."""
    patience: float = 0.0
    """Seconds for which it goes on asking all the same, as what stands in the way may turn out to be gone."""


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
    """A bit for each member, the first one the lowest of the first byte; likewise below."""
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
class GivenUp(NamedTuple):
    """You are no member of this cluster any more."""

    to: int
    cluster: int
    size: int
    """The sender's members, and the lowest uid of them: in case that it has been given up by the receiver as well."""
    lowest: int


@message("casty.cluster.Goodbye")
class Goodbye(NamedTuple):
    """I am a member of another cluster, whatever you know of me."""

    cluster: int


@message("casty.cluster.Dissolve")
class Dissolve(NamedTuple):
    """This cluster gives way to a larger one: all its members start again and join that one."""

    cluster: int
    contact: tuple[str, int]
    """The address of a member of the larger one."""


type Message = Probe | Answer | Join | Refusal | Gossip | Digest | GivenUp | Goodbye | Dissolve
"""All of them; a shell hands whatever else arrives to somebody else."""
