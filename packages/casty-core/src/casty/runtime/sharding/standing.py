"""Daemons: entities that are known beforehand. Each starts with its shard, and again whenever it has stopped."""

from collections.abc import Callable
from typing import Any, Final, override

from casty.behaviors.behavior import Behavior
from casty.behaviors.clustered import DaemonsBehavior
from casty.errors import BehaviorError
from casty.runtime.sharding.entities import Entities, Memory
from casty.runtime.sharding.ids import daemon_id
from casty.runtime.sharding.remembering import Starter

AGAIN_AFTER: Final = 10.0
"""Seconds until a daemon that has stopped, or failed, starts again."""


class Standing(Memory):
    """The one daemon of a shard. Nothing needs to be stored about it."""

    def __init__(self, entities: Entities, entity_id: str, starter: Starter) -> None:
        self._entities = entities
        self._entity_id = entity_id
        starter.add(entities, (entity_id,))

    @override
    def remember(self, entity_id: str) -> bool:
        return True

    @override
    def ended(self, entity_id: str, *, failed: bool) -> None:
        if entity_id == self._entity_id:  # a shard that has been closed meanwhile starts nothing
            self._entities.shard.services.clock.call_later(AGAIN_AFTER, self._entities.start, entity_id)


def sole_daemon(behavior: DaemonsBehavior[Any], number: int, count: int) -> Callable[[str], Behavior[Any]]:
    """The entity factory of a shard, for its daemon and no other id: a number must not run twice."""
    known = daemon_id(number, count)

    def factory(entity_id: str) -> Behavior[Any]:
        if entity_id != known:
            raise BehaviorError(
                f"there is no daemon {entity_id!r}; daemons are found by the key under which they are registered: "
                "Behaviors.discoverable(behavior, key)"
            )
        return behavior.entity_factory(entity_id)

    return factory
