"""What users spawn to send reliably: producers and distributors, in memory or with a journal."""

from dataclasses import dataclass
from typing import Any, Final, cast

from casty import entropy
from casty.behaviors.arguments import checked_entity_id, checked_journal
from casty.behaviors.clustered import ServiceKey
from casty.behaviors.context import ActorContext
from casty.behaviors.factory import Behaviors
from casty.behaviors.persistent import PersistedBehavior, SnapshotEvery
from casty.behaviors.routing import checked_key
from casty.behaviors.values import SAME, Behavior, ReceiveBehavior, SetupBehavior
from casty.delivery.messages import Backlog, Send, Transfer
from casty.delivery.sending import Message, Sending
from casty.errors import ArgumentError
from casty.quantities import check_count
from casty.ref import ActorRef
from casty.spi.event_journal import EventJournal

CAPACITY: Final = 1_000
_SNAPSHOTS: Final = SnapshotEvery(1_000)

type Target[M] = ActorRef[Transfer[M]] | ServiceKey[Transfer[M]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    to: Target[Any]
    shares: bool
    capacity: int
    producer_id: str | None
    journal: EventJournal | str | None


def producer[M](
    to: Target[M],
    *,
    producer_id: str | None = None,
    journal: EventJournal | str | None = None,
    capacity: int = CAPACITY,
) -> Behavior[Send[M]]:
    """An actor that sends messages to a `consumer`, each again until it is confirmed, and all in order.

    The consumer is named by its reference, or by a key under which it is registered: then it may be started anew, on
    any node, and of several it is one as long as that is registered. With a `producer_id` the producer is durable: what
    is unconfirmed is stored under that id, in `journal` or in the configured one, and a producer of that id that is
    started later sends it. It takes up to `capacity` unconfirmed messages; asks beyond fail with `MailboxFullError`.
    """
    if not isinstance(cast("object", to), ActorRef | ServiceKey):
        raise ArgumentError(f"to of delivery.producer is a reference or ServiceKey(name), not {to!r}")
    settings = _Settings(to=to, shares=False, capacity=capacity, producer_id=producer_id, journal=journal)
    return _behavior(settings, "delivery.producer")


def distributor[M](
    to: ServiceKey[Transfer[M]],
    *,
    producer_id: str | None = None,
    journal: EventJournal | str | None = None,
    capacity: int = CAPACITY,
) -> Behavior[Send[M]]:
    """Like `producer`, but shares the messages among all consumers that are registered under a key: each goes to the
    one with the fewest unconfirmed messages. What a consumer leaves unconfirmed goes to another one.
    """
    checked_key(to, "delivery.distributor")
    settings = _Settings(to=to, shares=True, capacity=capacity, producer_id=producer_id, journal=journal)
    return _behavior(settings, "delivery.distributor")


def _behavior(settings: _Settings, taker: str) -> Behavior[Any]:
    check_count(settings.capacity, f"capacity of {taker}")
    checked_journal(settings.journal)
    producer_id = settings.producer_id
    if producer_id is not None:
        checked_entity_id(producer_id)
        checked_entity_id(_entity_id(producer_id))
        return _durable(settings, producer_id)
    if settings.journal is not None:
        raise ArgumentError(f"{taker} stores messages under a producer_id, and was given a journal without one")
    return _in_memory(settings)


def _entity_id(producer_id: str) -> str:
    return f"delivery/{producer_id}"


def _in_memory(settings: _Settings) -> Behavior[Any]:
    async def setup(ctx: ActorContext[Any]) -> Behavior[Any]:
        # Another id for each incarnation, as its positions begin at 1 again.
        producer_id = f"{ctx.self.address.path}#{entropy.source().token(8).hex()}"
        sending = Sending(ctx, producer_id, settings.to, shares=settings.shares, capacity=settings.capacity)
        sending.start(Backlog())

        async def receive(_: ActorContext[Any], message: Message) -> Behavior[Any]:
            sending.handle(message)
            return SAME

        return ReceiveBehavior(receive)

    return SetupBehavior(setup)


def _durable(settings: _Settings, producer_id: str) -> Behavior[Any]:
    async def setup(ctx: ActorContext[Any]) -> Behavior[Any]:
        sending = Sending(
            ctx, producer_id, settings.to, shares=settings.shares, capacity=settings.capacity, stores=True
        )

        async def start(_: ActorContext[Any], backlog: Backlog) -> None:
            sending.start(backlog)

        # Output commit: whatever the handler sends leaves when its events, and all before them, are durable.
        async def on_command(_: ActorContext[Any], __: Backlog, message: Message) -> Behavior[Any]:
            events = sending.handle(message)
            return PersistedBehavior(events) if events else SAME

        return Behaviors.event_sourced(
            entity_id=_entity_id(producer_id),
            initial_state=Backlog(),
            on_event=Backlog.after,
            on_command=on_command,
            journal=settings.journal,
            snapshot_policy=_SNAPSHOTS,
            on_recovery_completed=start,
        )

    return SetupBehavior(setup)
