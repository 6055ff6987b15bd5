"""A consumer as an actor: the shell of `inbound`, with the user's actor as its child."""

import sys
from functools import partial
from typing import Any, Final

from casty import entropy
from casty.behaviors.arguments import checked_behavior
from casty.behaviors.context import ActorContext
from casty.behaviors.supervision import Backoff, OneForOneStrategy
from casty.behaviors.values import (
    SAME,
    STOPPED,
    UNHANDLED,
    Behavior,
    ReceiveBehavior,
    SetupBehavior,
    SupervisedBehavior,
)
from casty.delivery import inbound
from casty.delivery.alarm import Alarm, Due
from casty.delivery.inbound import Inbound
from casty.delivery.messages import Acknowledged, Closed, Delivery, Open, Opened, Probe, Sequenced, Transfer
from casty.errors import ActorStoppedError
from casty.extension import unbound_mailbox
from casty.messages import Terminated
from casty.quantities import check_count, checked_seconds
from casty.ref import ActorRef

WINDOW: Final = 50
CONFIRM_TIMEOUT: Final = 30.0
_RESTARTING: Final = OneForOneStrategy(max_restarts=sys.maxsize, within=1.0, backoff=Backoff())
"""For a consumer without a strategy of its own. The message that it failed on comes again after a pause; messages of
other producers do not wait for that. Only a consumer that cannot start fails again within a second.
"""


type Message = Transfer[Any] | inbound.Handled | Due | Terminated


def consumer[M](
    behavior: Behavior[Delivery[M]], *, window: int = WINDOW, confirm_timeout: float = CONFIRM_TIMEOUT
) -> Behavior[Transfer[M]]:
    """An actor to which producers send. Its child runs `behavior`, which handles each message as a `Delivery`, and
    confirms it. Each producer's messages come in order, one at a time.

    A message comes again when its handler raises, when it is not confirmed within `confirm_timeout` seconds, and when
    the consumer is started anew. A child without a strategy of its own restarts whenever it fails. Up to `window`
    messages of each producer are on their way or wait here.
    """
    checked_behavior(behavior, "delivery.consumer")
    check_count(window, "window of delivery.consumer")
    checked_seconds(confirm_timeout, "confirm_timeout of delivery.consumer", zero=False)

    async def setup(ctx: ActorContext[Any]) -> Behavior[Any]:
        unbound_mailbox(ctx.self)  # the windows of the producers bound it, and what it drops might not come again
        child = ctx.spawn(SupervisedBehavior(behavior, _RESTARTING), "consumer")
        ctx.watch(child)
        return ReceiveBehavior(_Consuming(ctx, child, window, confirm_timeout).receive)

    return SetupBehavior(setup)


class _Consuming:
    """One incarnation of a consumer."""

    def __init__(
        self, ctx: ActorContext[Any], child: ActorRef[Delivery[Any]], window: int, confirm_timeout: float
    ) -> None:
        self._ctx = ctx
        self._child = child
        self._confirm_timeout = confirm_timeout
        self._machine: Inbound[ActorRef[Any]] = Inbound(entropy.source().token(8).hex(), window=window)
        self._alarm = Alarm(ctx)

    async def receive(self, ctx: ActorContext[Any], message: Message) -> Behavior[Any]:
        match message:
            case Open(producer, attempt, sender):
                ctx.watch(sender)
                self._handle(inbound.Opening(producer, attempt, sender))
            case Sequenced(producer, channel, number, position, sent):
                self._handle(inbound.Arrived(producer, channel, number, position, sent))
            case Probe(producer, channel, sender):
                self._handle(inbound.Probed(producer, channel, sender))
            case inbound.Handled():
                self._handle(message)
            case Due():
                self._alarm.went_off()
                self._handle(inbound.Tick())
            case Terminated(ref, reason) if ref == self._child:
                if reason is not None:
                    raise reason
                return STOPPED
            case Terminated(ref):
                self._handle(inbound.Gone(ref))
            case _:
                return UNHANDLED
        return SAME

    def _handle(self, given: inbound.Input[ActorRef[Any]]) -> None:
        for effect in self._machine.handle(given, self._ctx.time()):
            self._carry_out(effect)
        self._alarm.set(self._machine.next_deadline())

    def _carry_out(self, effect: inbound.Effect[ActorRef[Any]]) -> None:
        match effect:
            case inbound.Offer(sender, attempt, channel, granted):
                sender.tell(Opened(attempt, channel, granted))
            case inbound.Acknowledge():
                numbers = effect.received, effect.confirmed, effect.granted
                effect.sender.tell(Acknowledged(effect.channel, *numbers, effect.behind))
            case inbound.Refuse(sender, channel):
                sender.tell(Closed(channel))
            case inbound.Handle():
                self._deliver(effect)

    def _deliver(self, arrived: inbound.Handle) -> None:
        """Have the child handle a message. An ask fails at once if the child does."""
        ended = partial(inbound.Handled, arrived.producer, arrived.channel, arrived.number)

        def failed(error: Exception) -> inbound.Handled:
            if not isinstance(error, ActorStoppedError):
                self._ctx.log.warning(
                    "message %d of producer %s was not confirmed and comes again: %s",
                    arrived.position,
                    arrived.producer,
                    error,
                )
            return ended(False)

        self._ctx.ask(
            self._child,
            Delivery(arrived.message, arrived.producer, arrived.position),
            lambda _: ended(True),
            self._confirm_timeout,
            failed,
        )
