"""The regions of a system's class-based actors of the cluster: one for each number of copies and of confirmations."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final, final

from casty.behaviors.clustered import RegionRef
from casty.behaviors.system import System
from casty.events import NodeDowned
from casty.objects.entities import Place, class_actors
from casty.output_commit import outside
from casty.replication import ReplicationConfig

REGION: Final = "class-actors"
"""The name of the region whose actors have no copies, the same on every node."""
COPIED: Final = re.compile(rf"{REGION}-([1-9]\d{{0,2}})-(0|[1-9]\d{{0,2}})")
"""Of one whose actors have: the numbers are `replicas` and `min_acks`."""


@final
class ClassRegions:
    """Those of one running system. A node runs each as soon as it uses it, or hears of it."""

    def __init__(
        self,
        system: System,
        configured: Callable[[str], ReplicationConfig | None],
        check_journal: Callable[[str], Awaitable[None]],
    ) -> None:
        """`configured` returns what the configuration says about copies of a region, by its name; `check_journal` reads
        its journal, and raises what that raises.
        """
        self._system = system
        self._check_journal = check_journal
        self._configured = configured
        self._started: dict[str, RegionRef[Any]] = {}
        self._outages = 0

    def find(self, copies: ReplicationConfig | None) -> RegionRef[Any]:
        """The region of actors with that many copies, which is started with its first use."""
        name = _name(copies)
        if not self._started:
            self._system.event_stream.subscribe(NodeDowned, self._downed)
        if name not in self._started:
            place = Place(self._settled(name, copies), partial(self.find, copies), lambda: self._outages)
            self._started[name] = outside(self._system.spawn, class_actors(place), name)
        return self._started[name]

    async def check_journal(self) -> None:
        """Raises what the journal of these actors raises, if it cannot be used now."""
        await self._check_journal(REGION)

    def _downed(self, _: NodeDowned) -> None:
        self._outages += 1

    def _settled(self, name: str, copies: ReplicationConfig | None) -> ReplicationConfig | None:
        """With the patience and the places that are configured."""
        configured = self._configured(name)
        if copies is None or configured is None:
            return copies
        return replace(copies, ack_timeout=configured.ack_timeout, spread=configured.spread)


def starter_of(name: str, find: Callable[[ReplicationConfig | None], object]) -> Callable[[], object] | None:
    """What starts the region of that name on a node, by `find`; None for one that is not of class-based actors."""
    if name == REGION:
        return partial(find, None)
    found = COPIED.fullmatch(name)
    if found is None:
        return None
    replicas, min_acks = map(int, found.groups())
    if min_acks > replicas:
        return None
    return partial(find, ReplicationConfig(replicas=replicas, min_acks=min_acks))


def _name(copies: ReplicationConfig | None) -> str:
    return REGION if copies is None else f"{REGION}-{copies.replicas}-{copies.min_acks}"
