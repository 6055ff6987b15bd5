"""The factory through which users make behaviors."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, cast, overload

from casty.behaviors.arguments import (
    checked_allocation,
    checked_behavior,
    checked_entity_id,
    checked_hook,
    checked_journal,
    checked_observer,
    checked_recovery_hook,
)
from casty.behaviors.clustered import (
    MOST_SHARDS,
    BroadcastedBehavior,
    DaemonsBehavior,
    DiscoverableBehavior,
    ServiceKey,
    ShardedBehavior,
    SingletonBehavior,
)
from casty.behaviors.context import ActorContext
from casty.behaviors.functions import checked_async, checked_plain, refuse_coroutine
from casty.behaviors.persistent import (
    CONFIRMED,
    DurableStateBehavior,
    EventSourcedBehavior,
    PersistedBehavior,
    SnapshotEvery,
    UpdatedBehavior,
)
from casty.behaviors.routing import (
    GroupBehavior,
    PoolBehavior,
    RandomChoice,
    RoundRobin,
    RouterBehavior,
    Routing,
    checked_key,
    checked_routing,
)
from casty.behaviors.supervision import SupervisionStrategy, checked_strategy
from casty.behaviors.values import (
    IGNORE,
    RESTART,
    SAME,
    STOPPED,
    UNHANDLED,
    Behavior,
    FailureHook,
    Hook,
    LifecycleBehavior,
    ReceiveBehavior,
    SetupBehavior,
    SpyBehavior,
    SupervisedBehavior,
)
from casty.errors import ArgumentError
from casty.quantities import check_count, checked_seconds
from casty.ref import ActorRef
from casty.replication import ReplicationConfig
from casty.spi.allocation import AllocationStrategy
from casty.spi.event_journal import EventJournal

MOST_DAEMONS: Final = 1_000


class Behaviors:
    """Makes behaviors. They are values: nothing runs until one is spawned or returned from a handler.

    Arguments are checked here: `BehaviorError` says what was expected, and names the function that does not fit. Where
    a coroutine function is expected, a lambda, which cannot be one, may return its result or a coroutine.
    """

    # The class itself, not a function around it: a behavior may be made for every message.
    receive = ReceiveBehavior
    """`receive(handler)`: handle each message with `await handler(ctx, message)`, which returns the next behavior."""

    @staticmethod
    def setup[M](factory: Callable[[ActorContext[M]], Awaitable[Behavior[M]]]) -> Behavior[M]:
        """Run `factory(ctx)` when the actor starts, and at every restart, and continue with the behavior that it
        returns.
        """
        return SetupBehavior(checked_async(factory, 1, "Behaviors.setup", "setup(ctx)"))

    @staticmethod
    def same() -> Behavior[Any]:
        """Keep the current behavior."""
        return SAME

    @staticmethod
    def stopped() -> Behavior[Any]:
        """Stop the actor, after its children."""
        return STOPPED

    @staticmethod
    def unhandled() -> Behavior[Any]:
        """Keep the current behavior and publish the message as `UnhandledMessage`."""
        return UNHANDLED

    @staticmethod
    def ignore() -> Behavior[Any]:
        """Swallow every message from now on."""
        return IGNORE

    @staticmethod
    def restart() -> Behavior[Any]:
        """Restart from the initial behavior: no failure is counted, and there is no back-off."""
        return RESTART

    @staticmethod
    def supervise[M](behavior: Behavior[M], strategy: SupervisionStrategy) -> Behavior[M]:
        """Let `strategy` decide about failures. `OneForOneStrategy` decides about this actor's own, the others about
        its children's. An object of your own with a method `decide(exception)` decides about this actor's own.
        """
        return SupervisedBehavior(checked_behavior(behavior, "Behaviors.supervise"), checked_strategy(strategy))

    @staticmethod
    def with_lifecycle[M](
        behavior: Behavior[M],
        pre_start: Hook[M] | None = None,
        post_stop: Hook[M] | None = None,
        pre_restart: FailureHook[M] | None = None,
        post_restart: Hook[M] | None = None,
    ) -> Behavior[M]:
        """Run hooks around the actor's life; `pre_restart` gets the exception too.

        At a restart they run in the order `pre_restart`, (the children stop), `pre_start`, `post_restart`.
        """
        return LifecycleBehavior(
            behavior=checked_behavior(behavior, "Behaviors.with_lifecycle"),
            pre_start=checked_hook(pre_start, "pre_start", "ctx"),
            post_stop=checked_hook(post_stop, "post_stop", "ctx"),
            pre_restart=checked_hook(pre_restart, "pre_restart", "ctx", "exception"),
            post_restart=checked_hook(post_restart, "post_restart", "ctx"),
        )

    @staticmethod
    def spy[M](behavior: Behavior[M], observer: ActorRef[Any], *, spy_children: bool = False) -> Behavior[M]:
        """Tell `observer` a `SpyEvent` after each message, and of the children's messages too where `spy_children`."""
        return SpyBehavior(
            behavior=checked_behavior(behavior, "Behaviors.spy"),
            observer=checked_observer(observer),
            spy_children=spy_children,
        )

    # Overloads, as a type checker would take a union of the two to mean that the function is the state.
    @overload
    @staticmethod
    def event_sourced[M, S, E](
        *,
        entity_id: str,
        initial_state: Callable[[], S],
        on_event: Callable[[S, E], S],
        on_command: Callable[[ActorContext[M], S, M], Awaitable[Behavior[Any]]],
        journal: EventJournal | str | None = None,
        snapshot_policy: SnapshotEvery | None = None,
        tagger: Callable[[E], Sequence[str]] | None = None,
        on_recovery_completed: Callable[[ActorContext[M], S], Awaitable[None]] | None = None,
    ) -> Behavior[M]: ...

    @overload
    @staticmethod
    def event_sourced[M, S, E](
        *,
        entity_id: str,
        initial_state: S,
        on_event: Callable[[S, E], S],
        on_command: Callable[[ActorContext[M], S, M], Awaitable[Behavior[Any]]],
        journal: EventJournal | str | None = None,
        snapshot_policy: SnapshotEvery | None = None,
        tagger: Callable[[E], Sequence[str]] | None = None,
        on_recovery_completed: Callable[[ActorContext[M], S], Awaitable[None]] | None = None,
    ) -> Behavior[M]: ...

    @staticmethod
    def event_sourced[M, S, E](
        *,
        entity_id: str,
        initial_state: S | Callable[[], S],
        on_event: Callable[[S, E], S],
        on_command: Callable[[ActorContext[M], S, M], Awaitable[Behavior[Any]]],
        journal: EventJournal | str | None = None,
        snapshot_policy: SnapshotEvery | None = None,
        tagger: Callable[[E], Sequence[str]] | None = None,
        on_recovery_completed: Callable[[ActorContext[M], S], Awaitable[None]] | None = None,
    ) -> Behavior[M]:
        """An actor whose state is the fold of `on_event` over the events stored under `entity_id`.

        `on_command(ctx, state, command)` returns `Behaviors.persisted(...)` to store events, or any other behavior.
        Whatever it sends leaves the actor only when its events, and those of all commands before it, are durable.
        `on_event` must be pure: it also replays. Each start of the actor begins with a deep copy of `initial_state`, or
        with what it returns where it is a function. `journal` is a journal, a URL such as `sqlite:///bank.db`, or
        absent: then `[journal] url` of the configuration counts, else memory, with a warning. `tagger` names an
        event's tags. `on_recovery_completed(ctx, state)` is awaited at each start, when the state is complete and
        before the first command: to take up what was open. What it raises is a failed start.
        """
        of = "of Behaviors.event_sourced"
        if snapshot_policy is not None and not isinstance(cast("object", snapshot_policy), SnapshotEvery):
            raise ArgumentError(f"snapshot_policy {of} is SnapshotEvery(n_events), not {snapshot_policy!r}")
        return EventSourcedBehavior(
            entity_id=checked_entity_id(entity_id),
            initial_state=initial_state,
            on_event=checked_plain(on_event, 2, f"on_event {of}", "on_event(state, event)"),
            on_command=checked_async(on_command, 3, f"on_command {of}", "on_command(ctx, state, command)"),
            journal=checked_journal(journal),
            snapshot_policy=snapshot_policy,
            tagger=None if tagger is None else checked_plain(tagger, 1, f"tagger {of}", "tagger(event)"),
            on_recovery_completed=checked_recovery_hook(on_recovery_completed, "event_sourced"),
        )

    # The class itself, as for `receive`.
    persisted = PersistedBehavior
    """`persisted(events, then=…, reply=…)`, returned by a command handler: store `events` and apply them."""

    @overload
    @staticmethod
    def durable_state[M, S](
        *,
        entity_id: str,
        initial_state: Callable[[], S],
        on_command: Callable[[ActorContext[M], S, M], Awaitable[Behavior[Any]]],
        journal: EventJournal | str | None = None,
        on_recovery_completed: Callable[[ActorContext[M], S], Awaitable[None]] | None = None,
    ) -> Behavior[M]: ...

    @overload
    @staticmethod
    def durable_state[M, S](
        *,
        entity_id: str,
        initial_state: S,
        on_command: Callable[[ActorContext[M], S, M], Awaitable[Behavior[Any]]],
        journal: EventJournal | str | None = None,
        on_recovery_completed: Callable[[ActorContext[M], S], Awaitable[None]] | None = None,
    ) -> Behavior[M]: ...

    @staticmethod
    def durable_state[M, S](
        *,
        entity_id: str,
        initial_state: S | Callable[[], S],
        on_command: Callable[[ActorContext[M], S, M], Awaitable[Behavior[Any]]],
        journal: EventJournal | str | None = None,
        on_recovery_completed: Callable[[ActorContext[M], S], Awaitable[None]] | None = None,
    ) -> Behavior[M]:
        """An actor whose newest state is stored under `entity_id`, whole at each change, and none of its history.

        `on_command(ctx, state, command)` returns `Behaviors.updated(new_state)` to store a state, or any other
        behavior, and leaves the state that it is given alone. All else, output commit, `initial_state`, `journal` and
        `on_recovery_completed` among it, is as with `event_sourced`.
        """
        taker = "on_command of Behaviors.durable_state"
        return DurableStateBehavior(
            entity_id=checked_entity_id(entity_id),
            initial_state=initial_state,
            on_command=checked_async(on_command, 3, taker, "on_command(ctx, state, command)"),
            journal=checked_journal(journal),
            on_recovery_completed=checked_recovery_hook(on_recovery_completed, "durable_state"),
        )

    @staticmethod
    def updated[R](
        state: Any,
        then: Behavior[Any] | Callable[[Any], None] | None = None,
        reply: tuple[ActorRef[R], R] | None = None,
    ) -> UpdatedBehavior:
        """Returned by a command handler of `durable_state`: store `state`."""
        return UpdatedBehavior(state, then, reply)

    @staticmethod
    def confirmed() -> Behavior[Any]:
        """Returned by a command handler that stores nothing: as `same`, but what the command has sent leaves once the
        journal, or enough copies, have confirmed that no other node runs the entity by now. So its reply shows all that
        was acknowledged before, on any node: the read is linearizable. It takes a round trip.
        """
        return CONFIRMED

    @staticmethod
    def sharded[M](
        entity_factory: Callable[[str], Behavior[M]],
        *,
        num_shards: int | None = None,
        replication: ReplicationConfig | None = None,
        passivate_after: float | None = None,
        limit: int | None = None,
        remember_entities: bool | EventJournal | str = False,
        role: str | None = None,
        allocation: AllocationStrategy | str | None = None,
    ) -> ShardedBehavior[M]:
        """Entities addressed by id. `spawn` returns a `RegionRef`; `region.entity(id)` is the reference to one of them.

        An entity starts with its first message as what `entity_factory(entity_id)` returns, and again after each stop.
        It is passivated (stopped until its next message) after `passivate_after` seconds without one, and where more
        than `limit` entities are active, the least recently used first. With `remember_entities`, the ids of the
        entities are stored, and these start again by themselves: in the configured journal, or in the one given.

        On a cluster, nodes that have `role` run the entities, and `allocation` says which node runs which shard: the
        name of a strategy, or an object with the methods of `casty.spi.allocation.AllocationStrategy`.
        """
        behavior = ShardedBehavior(
            entity_factory=entity_factory,
            num_shards=num_shards,
            replication=replication,
            passivate_after=passivate_after,
            limit=limit,
            remember_entities=remember_entities,
            role=role,
            allocation=allocation,
        )
        return _checked_sharded(behavior)

    @staticmethod
    def daemons[M](factory: Callable[[int], Behavior[M]], count: int, *, role: str | None = None) -> Behavior[Any]:
        """`count` actors that are always running, spread evenly over the nodes of a cluster (those with that `role`);
        on a local system all run there. `factory(number)` makes each of them, numbered from 0.

        A daemon whose node leaves or dies starts on another one; one that stops or fails starts again after 10 seconds.
        To send messages to daemons, register them: `Behaviors.discoverable(behavior, key)`.
        """
        check_count(count, "count of Behaviors.daemons")
        if count > MOST_DAEMONS:
            raise ArgumentError(
                f"Behaviors.daemons runs at most {MOST_DAEMONS:,} actors, not {count:,}: they are for work that is "
                "divided once and for all; use Behaviors.sharded for entities"
            )
        checked_plain(factory, 1, "Behaviors.daemons", "factory(number) -> Behavior")

        def numbered(entity_id: str) -> Behavior[M]:
            behavior = factory(int(entity_id.partition(".")[0]))
            refuse_coroutine(behavior, "Behaviors.daemons", factory)
            return behavior

        return DaemonsBehavior(entity_factory=numbered, num_shards=count, role=role)

    @staticmethod
    def pool[M](
        size: int, factory: Callable[[], Behavior[M]], *, routing: Routing[M] | None = None
    ) -> RouterBehavior[M]:
        """A router with `size` children, each of which is what `factory()` returns. `spawn` returns a `RouterRef`: each
        message goes to one child, chosen by `routing`, in turn where none is given.

        The mailbox and the supervision that `spawn` or the configuration give the pool are those of each child. One
        that stops is not replaced; without any left, the pool stops, or fails if a failure stopped the last one.
        """
        check_count(size, "size of Behaviors.pool")
        checked_plain(factory, 0, "Behaviors.pool", "factory() -> Behavior")
        routing = RoundRobin() if routing is None else routing
        return PoolBehavior(size, factory, checked_routing(routing, "Behaviors.pool"))

    @staticmethod
    def group[M](key: ServiceKey[M], *, routing: Routing[M] | None = None) -> RouterBehavior[M]:
        """A router for the actors registered under `key`, on any node. `spawn` returns a `RouterRef`: each message goes
        to one of them, chosen by `routing`, at random where none is given.

        While there is none, up to 1,000 messages wait for the first one, for 3 seconds; others are dead letters.
        """
        routing = RandomChoice() if routing is None else routing
        return GroupBehavior(checked_key(key, "Behaviors.group"), checked_routing(routing, "Behaviors.group"))

    @staticmethod
    def broadcasted[M](behavior: Behavior[M]) -> BroadcastedBehavior[M]:
        """One actor on every member, reached by one `BroadcastRef`; needs a `ClusteredActorSystem`."""
        return BroadcastedBehavior(checked_behavior(behavior, "Behaviors.broadcasted"))

    @staticmethod
    def singleton[M](factory: Callable[[], Behavior[M]]) -> Behavior[M]:
        """One actor in the whole cluster, on its oldest member; needs a `ClusteredActorSystem`."""
        return SingletonBehavior(checked_plain(factory, 0, "Behaviors.singleton", "factory() -> Behavior"))

    @staticmethod
    def discoverable[M](behavior: Behavior[M], key: ServiceKey[M]) -> Behavior[M]:
        """Register the actor under `key` with the receptionist, as long as it lives."""
        checked_behavior(behavior, "Behaviors.discoverable")
        return DiscoverableBehavior(behavior, checked_key(key, "Behaviors.discoverable"))


def _checked_sharded[M](behavior: ShardedBehavior[M]) -> ShardedBehavior[M]:
    of = "of Behaviors.sharded"
    checked_plain(behavior.entity_factory, 1, "Behaviors.sharded", "entity(entity_id) -> Behavior")
    if behavior.num_shards is not None:
        check_count(behavior.num_shards, f"num_shards {of}", maximum=MOST_SHARDS)
    if behavior.passivate_after is not None:
        checked_seconds(behavior.passivate_after, f"passivate_after {of}", zero=False)
    if behavior.limit is not None:
        check_count(behavior.limit, f"limit {of}")
    if not isinstance(cast("object", behavior.replication), ReplicationConfig | None):
        raise ArgumentError(f"replication {of} is ReplicationConfig(...), not {behavior.replication!r}")
    if not isinstance(behavior.remember_entities, bool):
        checked_journal(behavior.remember_entities)
    if not isinstance(cast("object", behavior.role), str | None) or behavior.role == "":
        raise ArgumentError(f"role {of} is a text that is not empty, not {behavior.role!r}")
    checked_allocation(behavior.allocation)
    return behavior
