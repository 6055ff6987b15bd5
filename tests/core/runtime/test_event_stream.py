"""The bus of a system's events."""

import asyncio
import logging
from typing import Any

import pluggy
import pytest
from casty import ActorStopped, ActorSystem, ArgumentError, Behaviors, CastyConfig, EventStream
from casty.config import SystemConfig
from casty.output_commit import CURRENT
from casty.persistence.outbox import Outbox
from casty.testing import TestProbe

from tests.core.runtime.probe import Boom

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


def test_a_subscriber_that_raises_affects_no_other() -> None:
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


def test_cancelling_ends_that_subscription_only() -> None:
    stream, seen = EventStream(), list[Base]()
    first = stream.subscribe(Base, seen.append)
    stream.subscribe(Base, seen.append)
    first.cancel()
    first.cancel()
    stream.publish(Derived())
    assert len(seen) == 1


async def test_an_async_subscriber_runs_as_a_task() -> None:
    async with ActorSystem() as system:
        seen, arrived = list[Base](), asyncio.Event()

        async def notice(event: Base) -> None:
            await asyncio.sleep(0)
            seen.append(event)
            arrived.set()

        system.event_stream.subscribe(Base, notice)
        system.event_stream.publish(event := Derived())
        assert not seen  # the publisher does not wait
        await arrived.wait()
        assert seen == [event]


@pytest.mark.parametrize("error", [Boom(), BaseException("of a library")])
async def test_an_async_subscriber_that_raises_is_logged(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(event: Base) -> None:
        raise error

    async with ActorSystem() as system:
        system.event_stream.subscribe(Base, broken)
        system.event_stream.publish(Base())
    assert "an async subscriber failed" in caplog.text
    assert "broken" in caplog.text


async def test_a_shutdown_waits_for_async_subscribers() -> None:
    seen = list[str]()

    async def notice(event: ActorStopped) -> None:
        await asyncio.sleep(0)
        seen.append(event.ref.address.path)

    async with ActorSystem() as system:
        system.event_stream.subscribe(ActorStopped, notice)
        system.spawn(Behaviors.ignore(), "last")
    assert seen == ["/last"]


async def test_a_shutdown_does_not_wait_for_async_subscribers_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    cancelled = list[bool]()

    async def never_ends(event: Base) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    async with ActorSystem(config=CastyConfig(system=SystemConfig(stop_timeout=0.01))) as system:
        system.event_stream.subscribe(Base, never_ends)
        system.event_stream.publish(Base())
        system.event_stream.publish(Base())
    assert cancelled == [True, True]
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert line.startswith("2 async subscribers of the event stream have not ended after 0.01 s")
    assert "test_event_stream.py:" in line


async def test_an_async_subscriber_sends_on_nobodys_behalf() -> None:
    """Its publisher may be a command handler, whose output waits for its events."""
    async with ActorSystem() as system:
        probe = TestProbe[str](system)

        async def notice(event: Base) -> None:
            probe.ref.tell("noticed")

        system.event_stream.subscribe(Base, notice)
        outbox = Outbox()
        token = CURRENT.set(outbox)
        try:
            system.event_stream.publish(Base())
            assert await probe.receive() == "noticed"
        finally:
            CURRENT.reset(token)
            outbox.discard()


def test_an_async_subscriber_needs_a_running_loop(caplog: pytest.LogCaptureFixture) -> None:
    async def notice(event: Base) -> None: ...

    stream = EventStream()
    stream.subscribe(Base, notice)
    stream.publish(Base())
    assert "no running event loop" in caplog.text


@pytest.mark.parametrize(("event_type", "handler"), [("DeadLetter", print), (Base, None), (Base(), print)])
def test_what_cannot_be_subscribed_is_refused(event_type: Any, handler: Any) -> None:
    with pytest.raises(ArgumentError, match=r"subscribe\(DeadLetter, handler\)"):
        EventStream().subscribe(event_type, handler)
