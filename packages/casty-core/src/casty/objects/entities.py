"""Class-based actors of a cluster: the entities of one region, which every node has that uses any.

An entity's id names its class and the actor. The arguments of its constructor come with each message of a reference
that `system.actor` has returned: whichever node starts the actor, and whenever, has them.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from casty.behaviors.behavior import Behavior
from casty.behaviors.clustered import RegionRef, ShardedBehavior
from casty.behaviors.context import ActorContext
from casty.behaviors.values import ActBehavior, SetupBehavior
from casty.errors import ArgumentError, BehaviorError
from casty.messages import Creating
from casty.objects.actor import KINDS, ActorsByClass
from casty.objects.family import adopt
from casty.objects.hosting import Creation, Hosted
from casty.objects.plan import Plan, plan_of
from casty.objects.refs import Begin, ClusterRef, LocalRef
from casty.objects.supervision import supervision_of
from casty.ref import ActorRef

REGION: Final = "class-actors"
START_TIMEOUT: Final = 30.0
"""Seconds that an actor of the cluster has to start: its shard may have to find a node first."""


def class_actors() -> ShardedBehavior[Any]:
    """The behavior of the region."""
    return ShardedBehavior(entity_factory=_entity)


async def clustered_actor(
    region: RegionRef[Any], kind: object, name: str | None, durable: bool, named: Mapping[str, object]
) -> LocalRef[Any]:
    """Start an actor of the cluster, or find the living one. Raises what an ask of it raises."""
    plan = plan_of(kind)
    if name is None:
        raise ArgumentError(
            f"a {plan.kind.__qualname__} of the cluster is found by its name, from every node: give it one, name=..."
        )
    plan.check_arguments((), named)
    entity = region.entity(f"{plan.identity}/{name}")
    ref: ClusterRef[Any] = ClusterRef(entity, plan.accepts, dict(named), durable)
    await ref.ask(Begin(), timeout=START_TIMEOUT)
    return ref.shortest()


def _entity(entity_id: str) -> Behavior[Any]:
    identity, _, name = entity_id.partition("/")
    kind = KINDS.get(identity)
    if kind is None:
        raise BehaviorError(
            f"this node is to run the actor {name!r}, and does not know its class {identity}: import its module on "
            "every node"
        )
    return _Entity(plan_of(kind), name).behavior()


class _Entity:
    """One actor, from its first message on this node. That message waits until the actor has started; if it cannot
    be started, the failure is that of the message, which no successor tries again.
    """

    def __init__(self, plan: Plan, name: str) -> None:
        self._plan = plan
        self._name = name
        self._supervision = supervision_of(plan.kind, None)
        self._hosted: Hosted | None = None
        self._waiting: list[Any] = []
        """The first message."""

    def behavior(self) -> Behavior[Any]:
        return self._supervision.around(SetupBehavior(self._set_up))

    async def _set_up(self, raw: ActorContext[Any]) -> Behavior[Any]:
        return ActBehavior(self._begin) if self._hosted is None else self._hosted.unsupervised()

    async def _begin(self, raw: ActorContext[Any], message: Any) -> Behavior[Any]:
        given = message if isinstance(message, Creating) else Creating(message, {}, durable=False)
        creation = Creation(
            plan=self._plan,
            named=given.arguments,
            supervision=self._supervision,
            durable=given.durable,
            ref=ClusterRef[Any](self._entity(raw), self._plan.accepts, given.arguments, given.durable).shortest(),
            entity_id=f"{self._plan.identity}/{self._name}",
        )
        hosted = Hosted(creation, adopt, started=lambda: self._release(raw))
        self._waiting = [message]
        try:
            following = await hosted.set_up(raw)
        except BaseException:
            self._waiting.clear()
            raise
        self._hosted = hosted
        return hosted.with_hooks(following)

    def _entity(self, raw: ActorContext[Any]) -> ActorRef[Any]:
        region = cast("ActorsByClass", raw.system).class_region()
        return region.entity(f"{self._plan.identity}/{self._name}")

    def _release(self, raw: ActorContext[Any]) -> None:
        for message in self._waiting:
            raw.stash(message)
        self._waiting.clear()
        raw.unstash_all()
