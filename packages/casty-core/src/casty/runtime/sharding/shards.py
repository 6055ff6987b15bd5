"""The shards of a sharded behavior that run in this process, each a child of the region's actor.

A local region opens each shard with its first entity. A region of a cluster opens those that it is granted, one epoch
after the other.
"""

from collections.abc import Collection
from typing import Any

from casty.behaviors.clustered import DaemonsBehavior, ShardedBehavior
from casty.behaviors.values import IGNORE
from casty.config import ActorSettings
from casty.mailbox import Mailbox, checked_mailbox
from casty.runtime.cell import Cell, LocalRef
from casty.runtime.children import spawn_cell
from casty.runtime.sharding.entities import Entities
from casty.runtime.sharding.ids import daemon_id
from casty.runtime.sharding.recency import Recency
from casty.runtime.sharding.remembering import RememberedIds, Starter, log_id
from casty.runtime.sharding.standing import Standing, sole_daemon


class Shards[M]:
    """See the module. All of them share the limits of the region: how many entities are active, how many start."""

    def __init__(self, region: LocalRef[Any], behavior: ShardedBehavior[M], mailbox: Mailbox | None) -> None:
        """`mailbox` is that of each entity; None: as it is configured."""
        self._region = region.cell
        self._behavior = behavior
        self._mailbox = None if mailbox is None else checked_mailbox(mailbox)
        services = self._region.services
        self.settings = settings_of(region)
        self.num_shards = behavior.num_shards or self.settings.num_shards
        self._open: dict[int, Entities] = {}
        self._actors: dict[int, Cell] = {}
        """The actor of each shard that has been open; it stays when the shard is closed, without children."""
        self._recency: Recency | None = None
        if behavior.passivate_after is not None or behavior.limit is not None:
            self._recency = Recency(services.clock, _passivate, behavior.passivate_after, behavior.limit)
        self._starter = Starter(services.clock)

    def get(self, number: int) -> Entities | None:
        """The entities of an open shard."""
        return self._open.get(number)

    @property
    def numbers(self) -> Collection[int]:
        """The shards that are open."""
        return self._open.keys()

    def open(self, number: int) -> Entities:
        """Open a shard, which starts the entities that it remembers. Raises `ActorStoppedError` if the region stops."""
        actor = self._actors.get(number)
        if actor is None:
            actor = self._actors[number] = spawn_cell(self._region, IGNORE, str(number), None)
        behavior = self._behavior
        is_daemon = isinstance(behavior, DaemonsBehavior)
        factory = sole_daemon(behavior, number, self.num_shards) if is_daemon else behavior.entity_factory
        entities = self._open[number] = Entities(
            actor, factory, settings=self.settings, mailbox=self._mailbox, recency=self._recency
        )
        if is_daemon:
            entities.memory = Standing(entities, daemon_id(number, self.num_shards), self._starter)
        elif behavior.remember_entities:
            journal = self.settings.journal if behavior.remember_entities is True else behavior.remember_entities
            entities.memory = RememberedIds(entities, log_id(self._region.name, number), journal, self._starter)
        return entities

    async def close(self, number: int) -> None:
        """Stop all that runs in an open shard. It may be opened again when this returns."""
        entities = self._open.get(number)
        if entities is not None:
            await entities.stop()
            self._open.pop(number, None)

    def end(self) -> None:
        """The region's actor has stopped, and the shards with it."""
        self._open.clear()
        self._starter.close()
        if self._recency is not None:
            self._recency.close()


def settings_of(region: LocalRef[Any]) -> ActorSettings:
    """What is configured for the entities of a region, by the name of its actor."""
    return region.cell.services.settings.resolve(region.cell.name)


def _passivate(cell: Cell) -> None:
    if cell.keeper is not None:
        cell.keeper.passivate(cell)
