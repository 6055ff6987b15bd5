"""Class-based actors of a cluster: the entities of regions, which every node has that uses any.

An entity's id names its class and the actor. The arguments of its constructor come with each message of a reference
that `system.actor` has returned: whichever node starts the actor, and whenever, has them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from casty.behaviors.behavior import Behavior
from casty.behaviors.clustered import RegionRef, ShardedBehavior
from casty.behaviors.context import ActorContext
from casty.behaviors.values import SAME, UNHANDLED, ActBehavior, ReceiveBehavior, SetupBehavior
from casty.errors import (
    ActorFailedError,
    ActorStoppedError,
    ArgumentError,
    BehaviorError,
    FencedError,
    JournalError,
    JournalSetupError,
    JournalUnavailableError,
    NodeLostError,
    NodeUnreachableError,
)
from casty.interruption import described
from casty.messages import Creating
from casty.objects.actor import KINDS
from casty.objects.family import adopt
from casty.objects.hosting import Creation, Hosted, never
from casty.objects.incarnation import taken_apart
from casty.objects.merging import Mergeable
from casty.objects.plan import Plan, plan_of
from casty.objects.refs import Begin, ClusterRef, LocalRef, counts
from casty.objects.supervision import supervision_of
from casty.ref import ActorRef
from casty.replication import ReplicationConfig

logger = logging.getLogger("casty")

START_TIMEOUT: Final = 30.0
"""Seconds that an actor of the cluster has to start: its shard may have to find a node first."""
FIRST_ATTEMPT: Final = 1.0
"""Seconds after which the journal is looked at: a shard that waits for it does not reply."""
ATTEMPT: Final = 5.0
SHORTEST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.5
"""Seconds between two attempts."""
ASKED_AGAIN: Final = (FencedError, NodeLostError, NodeUnreachableError, TimeoutError)
"""The node of the actor is gone, or not its node any more, or waits for other nodes."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the actors of one region are, on one node."""

    copies: ReplicationConfig | None
    region: Callable[[], RegionRef[Any]]
    outages: Callable[[], int]
    """How often the node was downed."""
    hosted: dict[ActorRef[Any], Hosted] = field(default_factory=dict["ActorRef[Any]", Hosted])
    """The living actors. A restart makes a new behavior of the entity, and finds here what it continues."""

    def forget(self, actor: ActorRef[Any]) -> None:
        """The actor has stopped."""
        self.hosted.pop(actor, None)


def class_actors(place: Place) -> ShardedBehavior[Any]:
    """The behavior of a region."""
    return ShardedBehavior(entity_factory=partial(_entity, place), replication=place.copies)


type CheckJournal = Callable[[], Awaitable[None]]
"""Raises what the journal of class-based actors raises, if it cannot be used now."""


async def clustered_actor(
    region_of: Callable[[ReplicationConfig | None], RegionRef[Any]],
    check_journal: CheckJournal,
    wanted: ReplicationConfig | None,
    kind: object,
    name: str | None,
    durable: bool,
    named: Mapping[str, object],
) -> LocalRef[Any]:
    """Start an actor of the cluster, or find the living one, wherever it moves meanwhile. Raises what an ask raises,
    `ActorFailedError` and `JournalSetupError`; the actor waits for a journal that is away, and not its caller.
    """
    plan = plan_of(kind)
    if name is None:
        raise ArgumentError(
            f"a {plan.kind.__qualname__} of the cluster is found by its name, from every node: give it one, name=..."
        )
    plan.check_arguments((), named)

    def reference(copies: ReplicationConfig | None) -> ClusterRef[Any]:
        entity = region_of(copies).entity(f"{plan.identity}/{name}")
        return ClusterRef(entity, plan.accepts, dict(named), durable)

    # That without copies knows whether there is one with copies: so a name has one actor.
    copies = await _begun(reference(None), wanted, check_journal)
    ref = reference(copies)
    if copies is not None:
        await _begun(ref, copies, check_journal)
    _warn_of_fewer(plan, name, wanted, copies)
    return ref.shortest()


async def _begun(
    ref: ClusterRef[Any], wanted: ReplicationConfig | None, check_journal: CheckJournal
) -> ReplicationConfig | None:
    """Return the copies of the actor, when it has started, or has begun to wait for its journal. It is asked again
    while its node is being replaced, as often as it takes: starting twice is starting once.
    """
    clock = asyncio.get_running_loop()
    deadline = clock.time() + START_TIMEOUT
    pause, attempt = SHORTEST_PAUSE, FIRST_ATTEMPT
    while True:
        try:
            # Not the whole time for one attempt: its message may be lost without an error.
            seconds = min(attempt, max(0.0, deadline - clock.time()))
            replicas, min_acks = await ref.ask(Begin(*counts(wanted)), timeout=seconds)
        except JournalUnavailableError:
            return None  # a note of an actor with copies needs no journal: this is one without
        except ASKED_AGAIN as error:
            outage = await _outage(check_journal) if isinstance(error, TimeoutError) else None
            if outage is not None and (ref.durable or wanted is not None):
                logger.warning("%s starts when its journal is back: %s", ref.address.path, outage)
                return wanted
            if clock.time() + pause >= deadline:
                reason = (
                    error if outage is None else f"no actor of the cluster starts while its journal is away: {outage}"
                )
                raise TimeoutError(
                    f"{ref.address.path} has not started within {START_TIMEOUT:g} s, and may still: {reason}"
                ) from error
        except ActorStoppedError as error:
            if error.__cause__ is None:
                raise
            raise ActorFailedError(
                f"{ref.address.path} did not start and has stopped: {described(error.__cause__)}; see the cause"
            ) from error.__cause__
        else:
            return ReplicationConfig(replicas=replicas, min_acks=min_acks) if replicas else None
        await asyncio.sleep(pause)
        pause, attempt = min(2 * pause, LONGEST_PAUSE), ATTEMPT


async def _outage(check_journal: CheckJournal) -> JournalError | None:
    """Why the journal is away. Raises what waiting does not help against."""
    try:
        async with asyncio.timeout(ATTEMPT):
            await check_journal()
    except JournalSetupError:
        raise
    except JournalError as error:
        return error
    except TimeoutError:
        return JournalUnavailableError(f"the journal has not replied within {ATTEMPT:g} s")
    return None


def _warn_of_fewer(plan: Plan, name: str, wanted: ReplicationConfig | None, found: ReplicationConfig | None) -> None:
    """As of an actor that is not as durable as expected."""
    (replicas, min_acks), (more, acks) = counts(found), counts(wanted)
    if more > replicas or acks > min_acks:
        logger.warning(
            "the %s named %r was created with replication=%d, and %d of these copies confirm a change: it is not kept "
            "in %d copies of which %d confirm; create it with that scope the first time",
            plan.kind.__qualname__,
            name,
            1 + replicas,
            1 + min_acks,
            1 + more,
            1 + acks,
        )


def _entity(place: Place, entity_id: str) -> Behavior[Any]:
    identity, _, name = entity_id.partition("/")
    kind = KINDS.get(identity)
    if kind is None:
        # No error yet: to find out what kind of entities a region has, a node makes one of any id.
        return SetupBehavior(partial(_stranger, identity, name))
    return _Entity(plan_of(kind), name, place).behavior()


async def _stranger(identity: str, name: str, raw: ActorContext[Any]) -> Behavior[Any]:
    async def refuse(raw: ActorContext[Any], message: Any) -> Behavior[Any]:
        raise BehaviorError(
            f"this node is to run the actor {name!r}, and does not know its class {identity}: import its module on "
            "every node"
        )

    return ReceiveBehavior(refuse)


def _note(begun: Begin) -> Behavior[Any]:
    """In the place of an actor that lives in another region: replies how many copies that has."""
    found = begun.replicas, begun.min_acks

    async def refer(raw: ActorContext[Any], message: Any) -> Behavior[Any]:
        message, to = taken_apart(message)
        if to is None or not isinstance(message, Begin):
            return UNHANDLED
        to.tell(found)
        return SAME

    begun.reply_to.tell(found)
    return ReceiveBehavior(refer)


class _Entity:
    """One actor, from its first message on this node. That message waits until the actor has started; if its class
    cannot be started, the failure is that of the message, which no successor tries again.

    Where there are copies, its state is stored as that of a durable actor: that is what is copied.
    """

    def __init__(self, plan: Plan, name: str, place: Place) -> None:
        self._plan = plan
        self._id = f"{plan.identity}/{name}"
        self._place = place
        self._supervision = supervision_of(plan.kind, None)

    def behavior(self) -> Behavior[Any]:
        return self._supervision.around(SetupBehavior(self._set_up))

    async def _set_up(self, raw: ActorContext[Any]) -> Behavior[Any]:
        hosted = self._place.hosted.get(raw.self)
        return ActBehavior(self._begin) if hosted is None else hosted.unsupervised()

    async def _begin(self, raw: ActorContext[Any], message: Any) -> Behavior[Any]:
        given = message if isinstance(message, Creating) else Creating(message, {}, durable=False)
        begun: Any = given.message
        copies = self._place.copies
        if isinstance(begun, Begin) and (begun.replicas, begun.min_acks) != counts(copies):
            return _note(begun)
        own = self._place.region().entity(self._id)
        merges = copies is not None and not copies.min_acks and issubclass(self._plan.kind, Mergeable)
        creation = Creation(
            plan=self._plan,
            named=given.arguments,
            supervision=self._supervision,
            durable=given.durable or copies is not None,
            copies=copies,
            outages=self._place.outages if merges else never,
            ref=ClusterRef[Any](own, self._plan.accepts, given.arguments, given.durable).shortest(),
            entity_id=self._id,
        )
        hosted = Hosted(creation, adopt, started=raw.unstash_all, stopped=lambda: self._place.forget(raw.self))
        following = await hosted.set_up(raw)
        self._place.hosted[raw.self] = hosted
        raw.stash(message)  # and not kept by us: it waits in the mailbox while the actor is restarted
        if not creation.durable:  # it has started
            raw.unstash_all()
        return hosted.with_hooks(following)
