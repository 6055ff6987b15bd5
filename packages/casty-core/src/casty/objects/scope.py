"""Where a class-based actor lives: on the node that creates it, or in the cluster."""

from dataclasses import dataclass
from typing import Literal, cast

from casty.errors import ArgumentError, ScopeError
from casty.quantities import check_count

type Consistency = Literal["one", "quorum", "all"]


@dataclass(frozen=True, slots=True)
class ClusterScope:
    """An actor of the whole cluster: one under its name, reached from every node, and started on another one when its
    node is gone.

    `replication` counts the copies of its state, the actor's own among them; `consistency` says how many of them have a
    change before a reply is sent.
    """

    replication: int = 1
    consistency: Consistency = "one"

    def __post_init__(self) -> None:
        check_count(self.replication, "replication of ClusterScope")
        if cast("object", self.consistency) not in ("one", "quorum", "all"):
            raise ArgumentError(f"consistency of ClusterScope is 'one', 'quorum' or 'all', not {self.consistency!r}")


type Scope = Literal["local", "cluster"] | ClusterScope


def checked_scope(scope: Scope) -> ClusterScope | None:
    """None for a local one. Raises `ScopeError` for what this version cannot keep."""
    given = cast("object", scope)
    if given == "local":
        return None
    if given != "cluster" and not isinstance(given, ClusterScope):
        raise ArgumentError(f"scope of an actor is 'local', 'cluster' or ClusterScope(...), not {given!r}")
    wanted = given if isinstance(given, ClusterScope) else ClusterScope()
    if wanted.replication > 1:
        raise ScopeError(
            f"this version keeps no copies of an actor's state, and so {wanted} cannot be kept; use "
            "ClusterScope(replication=1), with durable=True and a journal that all nodes share, such as one on "
            "PostgreSQL, for a state that outlives its node"
        )
    return wanted
