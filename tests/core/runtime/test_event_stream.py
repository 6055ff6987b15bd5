"""The bus of a system's events, and the instruments on it."""

from dataclasses import dataclass, field

import pluggy
import pytest
from casty import ActorStarted, ActorStopped, ActorSystem, Behaviors, EventStream
from casty.errors import SystemStoppedError
from casty.plugins.providers import InstrumentProvider

from tests.core.runtime.probe import Boom, nothing

hookimpl = pluggy.HookimplMarker("casty")


class Base:
    pass


class Derived(Base):
    pass


def test_subclasses_match() -> None:
    stream, seen = EventStream(), list[Base]()
    stream.subscribe(Base, seen.append)
    stream.publish(Derived())
    stream.publish(object())
    assert [type(event) for event in seen] == [Derived]


def test_a_subscriber_that_raises_harms_nobody() -> None:
    stream, seen = EventStream(), list[Base]()

    def broken(_event: Base) -> None:
        raise Boom

    stream.subscribe(Base, broken)
    stream.subscribe(Base, seen.append)
    stream.publish(Base())
    assert len(seen) == 1


def test_a_cancelled_subscription_hears_nothing_more() -> None:
    stream, seen = EventStream(), list[Base]()
    stream.publish(Base())
    subscription = stream.subscribe(Base, seen.append)
    stream.publish(Base())
    subscription.cancel()
    stream.publish(Base())
    assert len(seen) == 1
    assert not stream.wants(Base)


@dataclass(slots=True)
class Metrics:
    """An instrument that writes down what it sees."""

    fails: str = ""
    lines: list[str] = field(default_factory=list[str])

    def attach(self, stream: EventStream, system_name: str) -> None:
        self._line("attach")
        stream.subscribe(ActorStarted, lambda event: self.lines.append("started"))
        stream.subscribe(ActorStopped, lambda event: self.lines.append("stopped"))

    def detach(self) -> None:
        self._line("detach")

    def _line(self, line: str) -> None:
        if line == self.fails:
            raise Boom
        self.lines.append(line)


class Plugin:
    def __init__(self, *instruments: Metrics) -> None:
        self._instruments = instruments

    @hookimpl
    def casty_instruments(self) -> list[InstrumentProvider]:
        return [
            InstrumentProvider(names=(f"metrics-{number}",), create=lambda options, it=it: it)
            for number, it in enumerate(self._instruments)
        ]


async def test_instruments_see_the_whole_life_of_a_system() -> None:
    metrics = Metrics()
    async with ActorSystem(plugins=[Plugin(metrics)]) as system:
        system.spawn(Behaviors.receive(nothing))
    assert metrics.lines == ["attach", "started", "stopped", "detach"]


async def test_an_instrument_that_does_not_attach_stops_the_system() -> None:
    good, bad = Metrics(), Metrics(fails="attach")
    system = ActorSystem(plugins=[Plugin(good, bad)])
    with pytest.raises(Boom):
        await system.__aenter__()
    assert good.lines == ["attach", "detach"]
    with pytest.raises(SystemStoppedError):
        system.spawn(Behaviors.receive(nothing))


async def test_an_instrument_that_does_not_detach_harms_nobody() -> None:
    first, bad = Metrics(), Metrics(fails="detach")
    async with ActorSystem(plugins=[Plugin(first, bad)]):
        pass
    assert first.lines == ["attach", "detach"]


def test_cancelling_ends_that_subscription_only() -> None:
    stream, seen = EventStream(), list[Base]()
    first = stream.subscribe(Base, seen.append)
    stream.subscribe(Base, seen.append)
    first.cancel()
    first.cancel()
    stream.publish(Derived())
    assert len(seen) == 1
