"""The machines with one clause switched off each: the model has to notice."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import override

from casty.delivery import inbound, outbound
from casty.delivery.inbound import Inbound
from casty.delivery.outbound import Outbound

from tests.core.delivery.world import Faults, Machines

REORDER = Faults(lose=150, double=150, reorder=True)
CRASHES = Faults(lose=50, double=100, reorder=True, fail=200, restart_consumer=15, restart_producer=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """Machines that lack something, and where that is noticed."""

    machines: Machines
    faults: Faults
    consumers: int = 1
    shares: bool = False


def without_out(kind: type[Outbound[str]], faults: Faults, consumers: int = 1, *, shares: bool = False) -> Ablation:
    return Ablation(machines=Machines(outbound=kind), faults=faults, consumers=consumers, shares=shares)


def without_in(kind: type[Inbound[str]], faults: Faults) -> Ablation:
    return Ablation(machines=Machines(inbound=kind), faults=faults)


class NoProbes(Outbound[str]):
    """Nothing is asked that has once been opened."""

    @override
    def _ask(self, now: float) -> Iterator[outbound.Effect[str]]:
        return (effect for effect in super()._ask(now) if not isinstance(effect, outbound.ProbeChannel))


class NoSecondRequest(Outbound[str]):
    """A channel is requested once."""

    @override
    def _ask(self, now: float) -> Iterator[outbound.Effect[str]]:
        return (effect for effect in super()._ask(now) if not isinstance(effect, outbound.OpenChannel))


class NeverBehind(Outbound[str]):
    """Nothing is sent again on the same channel."""

    @override
    def _progressed(self, progress: outbound.Progress, now: float) -> Iterator[outbound.Effect[str]]:
        return super()._progressed(replace(progress, behind=False), now)


class NeverReopened(Outbound[str]):
    """A closed channel stays closed."""

    @override
    def _handle(self, given: outbound.Input[str], now: float) -> Iterator[outbound.Effect[str]]:
        return iter(()) if isinstance(given, outbound.ChannelClosed) else super()._handle(given, now)


class NothingTakenBack(Outbound[str]):
    """What a consumer has when its channel ends is not sent to another one."""

    @override
    def _take_back(self, consumer: str) -> None:
        waiting = list(self._waiting)
        super()._take_back(consumer)
        self._waiting = waiting


class TakenBackLast(Outbound[str]):
    """What is sent anew comes after what has not been sent."""

    @override
    def _take_back(self, consumer: str) -> None:
        waiting = list(self._waiting)
        super()._take_back(consumer)
        taken_back = [position for position in self._waiting if position not in waiting]
        self._waiting = [*waiting, *taken_back]

    @override
    def _send(self, now: float) -> Iterator[outbound.Effect[str]]:
        while self._waiting and (channel := self._next()) is not None:
            channel.positions.append(self._waiting.pop(0))
        yield from super()._send(now)

    @override
    def validate(self) -> None:
        """What it breaks is to be seen from outside."""


class WithoutWindow(Outbound[str]):
    """The consumer's grants do not count."""

    @override
    def _opened(self, opened: outbound.ChannelOpened, now: float) -> None:
        super()._opened(replace(opened, granted=1_000), now)

    @override
    def validate(self) -> None:
        for channel in self._channels.values():
            assert channel.numbered - channel.confirmed <= 4, "the window is exceeded"


class ReceivedIsConfirmed(Outbound[str]):
    """A message that has arrived is done."""

    @override
    def _progressed(self, progress: outbound.Progress, now: float) -> Iterator[outbound.Effect[str]]:
        return super()._progressed(replace(progress, confirmed=progress.received), now)


class AnyChannel(Outbound[str]):
    """What is acknowledged of an older channel counts for the newest."""

    @override
    def _progressed(self, progress: outbound.Progress, now: float) -> Iterator[outbound.Effect[str]]:
        newest = next(iter(self._channels.values()), None)
        if newest is not None and newest.channel is not None:
            progress = replace(progress, channel=newest.channel)
        return super()._progressed(progress, now)


class NoGaps(Inbound[str]):
    """A number is taken whatever was received before it."""

    @override
    def _arrived(self, arrived: inbound.Arrived) -> Iterator[inbound.Effect[str]]:
        channel = self._find(arrived.producer, arrived.channel)
        if channel is not None and arrived.number > channel.received:
            channel.received = arrived.number - 1
        return super()._arrived(arrived)

    @override
    def validate(self) -> None:
        """What it breaks is to be seen from outside."""


class TakenTwice(Inbound[str]):
    """What comes twice is taken twice."""

    @override
    def _arrived(self, arrived: inbound.Arrived) -> Iterator[inbound.Effect[str]]:
        channel = self._find(arrived.producer, arrived.channel)
        yield from super()._arrived(arrived)
        if channel is not None and arrived.number <= channel.confirmed:
            channel.confirmed = arrived.number - 1
            channel.waiting.appendleft(arrived)
            yield from self._next(self._lines[arrived.producer])

    @override
    def validate(self) -> None:
        """What it breaks is to be seen from outside."""


class SilentGaps(Inbound[str]):
    """Neither a gap nor a probe says that something is missing."""

    @override
    def _acknowledge(self, channel: inbound.Channel[str], *, behind: bool) -> inbound.Acknowledge[str]:
        return super()._acknowledge(channel, behind=False)


class OffersCountAtOnce(Inbound[str]):
    """An offer replaces the channel in use before any message has come on it."""

    @override
    def _open(self, opening: inbound.Opening[str]) -> inbound.Offer[str]:
        offer = super()._open(opening)
        line = self._lines[opening.producer]
        line.current, line.offered = line.offered, None
        line.again_at = None
        return offer


class AnyMessage(Inbound[str]):
    """A message of an older channel counts for the newest."""

    @override
    def _find(self, producer: str, name: str) -> inbound.Channel[str] | None:
        line = self._lines.get(producer)
        return None if line is None else line.current or line.offered


class FailuresConfirm(Inbound[str]):
    """A handler that failed confirms its message."""

    @override
    def _handled(self, handled: inbound.Handled, now: float) -> Iterator[inbound.Effect[str]]:
        return super()._handled(replace(handled, succeeded=True), now)


class FailuresForgotten(Inbound[str]):
    """What has failed is not handled again."""

    @override
    def _repeat(self, now: float) -> Iterator[inbound.Effect[str]]:
        return iter(())


class NeverRefuses(Inbound[str]):
    """A probe of an unknown channel has no answer."""

    @override
    def _handle(self, given: inbound.Input[str], now: float) -> Iterator[inbound.Effect[str]]:
        return (effect for effect in super()._handle(given, now) if not isinstance(effect, inbound.Refuse))


class AllAtOnce(Inbound[str]):
    """Messages of a new channel are handled while one of the old channel still is."""

    @override
    def _arrived(self, arrived: inbound.Arrived) -> Iterator[inbound.Effect[str]]:
        line = self._lines.get(arrived.producer)
        if line is not None and line.offered is not None and line.offered.name == arrived.channel:
            line.handling = None
        return super()._arrived(arrived)


ABLATIONS = {
    "probes": without_out(NoProbes, REORDER),
    "requests are repeated": without_out(NoSecondRequest, REORDER),
    "gaps are sent again": without_out(NeverBehind, REORDER),
    "closed channels are reopened": without_out(NeverReopened, CRASHES),
    "messages are taken back": without_out(NothingTakenBack, CRASHES),
    "messages that are taken back come first": without_out(TakenBackLast, CRASHES),
    "the window": without_out(WithoutWindow, Faults()),
    "only confirmed messages are done": without_out(ReceivedIsConfirmed, REORDER),
    "acknowledgements are of their channel": without_out(AnyChannel, CRASHES),
    "numbers are taken in order": without_in(NoGaps, REORDER),
    "numbers are taken once": without_in(TakenTwice, REORDER),
    "gaps are reported": without_in(SilentGaps, REORDER),
    "offers wait for their first message": without_in(OffersCountAtOnce, REORDER),
    "messages are of their channel": without_in(AnyMessage, CRASHES),
    "failures do not confirm": without_in(FailuresConfirm, CRASHES),
    "failures are repeated": without_in(FailuresForgotten, CRASHES),
    "unknown channels are refused": without_in(NeverRefuses, CRASHES),
    "one message at a time": without_in(AllAtOnce, CRASHES),
}
