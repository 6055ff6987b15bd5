"""The shell of `outbound`: one incarnation of a producer's actor."""

from collections.abc import Sequence
from typing import Any, Final, cast

from casty import entropy
from casty.behaviors.clustered import ServiceKey
from casty.behaviors.context import ActorContext
from casty.behaviors.discovery import Listing, Subscribe
from casty.delivery import outbound
from casty.delivery.alarm import Alarm, Due
from casty.delivery.messages import (
    Acknowledged,
    Backlog,
    Closed,
    Confirmed,
    FromConsumer,
    Open,
    Opened,
    Probe,
    Queued,
    Send,
    Sequenced,
    Transfer,
)
from casty.delivery.outbound import Outbound
from casty.errors import MailboxFullError
from casty.extension import unbound_mailbox
from casty.ref import ActorRef
from casty.runtime.system import ActorSystem

PATIENCE: Final = 30.0
"""Seconds without a confirmation, after which a warning is logged."""

type Message = Send[Any] | FromConsumer | Listing[Any] | Due


class Sending:
    """Takes messages over, and carries out what the machine wants. `stores`: its events are stored."""

    def __init__(
        self,
        ctx: ActorContext[Any],
        producer_id: str,
        to: ActorRef[Transfer[Any]] | ServiceKey[Transfer[Any]],
        *,
        shares: bool,
        capacity: int,
        stores: bool = False,
    ) -> None:
        self._ctx = ctx
        self._producer_id = producer_id
        self._to = to
        self._capacity = capacity
        self._stores = stores
        self._machine: Outbound[ActorRef[Any]] = Outbound(entropy.source().token(8).hex(), shares=shares)
        self._alarm = Alarm(ctx)
        self._messages: dict[int, Any] = {}
        """What is unconfirmed, by its position."""
        self._last = 0
        self._on_sent: dict[int, ActorRef[None]] = {}
        self._on_confirmed: dict[int, ActorRef[None]] = {}
        self._complains_at: float | None = None
        self._dead_letters = cast("ActorSystem", ctx.system).kernel.dead_letters

    def start(self, backlog: Backlog) -> None:
        """Look for consumers, and send what an earlier incarnation has stored."""
        unbound_mailbox(self._ctx.self)  # `capacity` bounds it, and a lost acknowledgement costs time
        self._last = backlog.last
        self._messages.update(backlog.unconfirmed)
        for position in self._messages:
            self._drive(outbound.Add(position))
        if isinstance(self._to, ServiceKey):
            self._ctx.system.receptionist.tell(Subscribe(self._to, self._ctx.self))
        else:
            self._drive(outbound.Present((self._to,)))

    def handle(self, message: Message) -> Sequence[Queued | Confirmed]:
        """Handle a message; the result is what has happened by it."""
        match message:
            case Send():
                return self._take_over(message)
            case Opened(attempt, channel, granted):
                return self._drive(outbound.ChannelOpened(attempt, channel, granted))
            case Acknowledged(channel, received, confirmed, granted, behind):
                return self._drive(outbound.Progress(channel, received, confirmed, granted, behind))
            case Closed(channel):
                return self._drive(outbound.ChannelClosed(channel))
            case Listing():
                return self._drive(outbound.Present([instance.ref for instance in message.instances]))
            case Due():
                self._alarm.went_off()
                self._complain_if_due()
                return self._drive(outbound.Tick())

    def _take_over(self, send: Send[Any]) -> Sequence[Queued]:
        if len(self._messages) >= self._capacity:
            path = self._ctx.self.address.path
            text = (
                f"{path} has {self._capacity} unconfirmed messages, its capacity; await the reply of each Send, which "
                "slows the sender down, or have more consumers"
            )
            self._dead_letters.publish(send, self._ctx.self, text, MailboxFullError(text))
            return ()
        self._last += 1
        self._messages[self._last] = send.message
        if send.confirmed:
            self._on_confirmed[self._last] = send.reply_to
        elif self._stores:
            send.reply_to.tell(None)
        else:
            self._on_sent[self._last] = send.reply_to
        if self._complains_at is None:
            self._complains_at = self._ctx.time() + PATIENCE
        self._drive(outbound.Add(self._last))
        return (Queued(send.message),)

    def _drive(self, given: outbound.Input[ActorRef[Any]]) -> list[Confirmed]:
        happened: list[Confirmed] = []
        for effect in self._machine.handle(given, self._ctx.time()):
            match effect:
                case outbound.OpenChannel(consumer, attempt):
                    self._send(consumer, Open(self._producer_id, attempt, self._ctx.self))
                case outbound.ProbeChannel(consumer, channel):
                    self._send(consumer, Probe(self._producer_id, channel, self._ctx.self))
                case outbound.Transmit():
                    self._transmit(effect)
                case outbound.Done(positions):
                    self._finish(positions)
                    happened.append(Confirmed(positions))
        deadlines = (self._machine.next_deadline(), self._complains_at)
        self._alarm.set(min((deadline for deadline in deadlines if deadline is not None), default=None))
        return happened

    def _transmit(self, effect: outbound.Transmit[ActorRef[Any]]) -> None:
        position = effect.position
        message = self._messages[position]
        self._send(effect.consumer, Sequenced(self._producer_id, effect.channel, effect.number, position, message))
        if (reply_to := self._on_sent.pop(position, None)) is not None:
            reply_to.tell(None)

    def _finish(self, positions: Sequence[int]) -> None:
        for position in positions:
            del self._messages[position]
            if (reply_to := self._on_confirmed.pop(position, None)) is not None:
                reply_to.tell(None)
        self._complains_at = self._ctx.time() + PATIENCE if self._messages else None

    def _send(self, consumer: ActorRef[Any], message: Transfer[Any]) -> None:
        self._dead_letters.tell(consumer, message)

    def _complain_if_due(self) -> None:
        if self._complains_at is None or self._ctx.time() < self._complains_at:
            return
        self._complains_at = None
        to = self._to.name if isinstance(self._to, ServiceKey) else self._to.address
        self._ctx.log.warning(
            "no message has been confirmed for %g s, and %d wait, the first of type %s, for the consumer %s; it is "
            "asked again every few seconds",
            PATIENCE,
            len(self._messages),
            type(next(iter(self._messages.values()))).__qualname__,
            to,
        )
