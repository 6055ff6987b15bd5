"""Where a class-based actor lives: on the node that creates it, or in the cluster."""

from dataclasses import dataclass
from typing import Literal, cast

from casty.errors import ArgumentError
from casty.quantities import check_count
from casty.replication import ReplicationConfig

type Consistency = Literal["one", "quorum", "all"]


@dataclass(frozen=True, slots=True)
class ClusterScope:
    """An actor of the whole cluster: one under its name, reached from every node, and started on another one when its
    node is gone.

    `replication` counts the copies of its state, the actor's own among them, each on another node. `consistency` says
    how many of them must have a change before a reply, or any other message, leaves: the actor's own alone, a majority,
    or all. With "quorum" and "all", a reply that changes nothing is confirmed by other copies too. The copies are kept
    by the journal of each node, and in memory where none is configured.
    """

    replication: int = 1
    consistency: Consistency = "quorum"

    def __post_init__(self) -> None:
        check_count(self.replication, "replication of ClusterScope")
        if cast("object", self.consistency) not in ("one", "quorum", "all"):
            raise ArgumentError(f"consistency of ClusterScope is 'one', 'quorum' or 'all', not {self.consistency!r}")

    @property
    def copies(self) -> ReplicationConfig | None:
        """The copies beside the actor's own; None: there are none."""
        if self.replication == 1:
            return None
        min_acks = {"one": 0, "quorum": self.replication // 2, "all": self.replication - 1}[self.consistency]
        return ReplicationConfig(replicas=self.replication - 1, min_acks=min_acks)


type Scope = Literal["local", "cluster"] | ClusterScope


def checked_scope(scope: Scope) -> ClusterScope | None:
    """None for a local one."""
    given = cast("object", scope)
    if given == "local":
        return None
    if isinstance(given, ClusterScope):
        return given
    if given != "cluster":
        raise ArgumentError(f"scope of an actor is 'local', 'cluster' or ClusterScope(...), not {given!r}")
    return ClusterScope()
