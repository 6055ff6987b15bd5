"""What a feature may do to the logs of actors, by wrapping the factory that makes them."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, override

import pytest
from casty import (
    ActorRestarted,
    ActorStopped,
    ActorSystem,
    Behavior,
    Behaviors,
    DeadLetter,
    JournalError,
    OneForOneStrategy,
)
from casty.errors import ReplicationTimeoutError
from casty.journal import InMemoryJournal
from casty.persistence.entity_log import EntityLog, LogFactory, LogRequest, Settle, WrappedLog
from casty.testing import ManualClock, TestProbe, settle

from tests.core.persistence.ledger import Add, adding, ledger
from tests.core.persistence.states import note
from tests.core.runtime.probe import Boom, Events


class Replicas:
    """Hold back every settlement until the test releases it, as replicas do that have yet to acknowledge."""

    def __init__(self) -> None:
        self.requests: list[LogRequest] = []
        self.stored: list[tuple[int, Exception | None, Settle]] = []

    def wrapping(self, make: LogFactory) -> LogFactory:
        async def log_of(request: LogRequest) -> EntityLog:
            self.requests.append(request)
            return ReplicatedLog(await make(request), self)

        return log_of

    def acknowledge(self, *places: int, error: Exception | None = None) -> None:
        for place in places:
            number, failure, settle = self.stored[place]
            settle(number, failure if error is None else error)


class ReplicatedLog(WrappedLog):
    def __init__(self, log: EntityLog, replicas: Replicas) -> None:
        super().__init__(log)
        self.replicas = replicas

    @override
    def append(self, first: int, events: Sequence[Any], tags: Sequence[Sequence[str]], settle: Settle) -> None:
        super().append(first, events, tags, lambda number, error: self.replicas.stored.append((number, error, settle)))


@pytest.fixture
def replicas(system: ActorSystem) -> Replicas:
    found = Replicas()
    system.kernel.journals.wrap(found.wrapping)
    return found


@pytest.mark.parametrize("behavior", [ledger, note])
async def test_what_an_event_allows_waits_until_its_wrapper_settles_it(
    system: ActorSystem, replicas: Replicas, behavior: Callable[[InMemoryJournal], Behavior[Any]]
) -> None:
    probe, journal = TestProbe[str](system), InMemoryJournal()
    ref = system.spawn(behavior(journal), "kept")
    ref.tell(Add("x", probe.ref))
    await settle()
    assert len(await journal.load(replicas.requests[0].entity_id)) == 1, "it is stored"
    assert await probe.receive_all() == []
    replicas.acknowledge(0)
    assert await probe.receive_all() == ["x"]
    assert [(request.actor, request.journal) for request in replicas.requests] == [("/kept", journal)]


async def test_settlements_may_come_late_twice_and_out_of_order(system: ActorSystem, replicas: Replicas) -> None:
    probe = TestProbe[str](system)
    ref = system.spawn(ledger(InMemoryJournal()))
    for text in "abc":
        ref.tell(Add(text, probe.ref))
        await settle()
    replicas.acknowledge(1)
    assert await probe.receive_all() == ["a", "ab"]
    replicas.acknowledge(2, 0, 0, 1)
    assert await probe.receive_all() == ["abc"]
    ref.tell(Add("", probe.ref))
    await settle()
    replicas.acknowledge(3)
    assert await probe.receive_all() == ["abc"]


async def test_a_command_without_events_is_not_held_by_a_settlement_that_came_late(
    system: ActorSystem, replicas: Replicas
) -> None:
    async def command(_ctx: Any, state: str, message: Add) -> Any:
        message.reply_to.tell(state)
        return Behaviors.persisted([message.text] if message.text else [])

    probe = TestProbe[str](system)
    ref = system.spawn(ledger(InMemoryJournal(), command))
    for text in "ab":
        ref.tell(Add(text, probe.ref))
        await settle()
    replicas.acknowledge(1, 0)
    ref.tell(Add("", probe.ref))
    await settle()
    assert await probe.receive_all() == ["", "a", "ab"]


async def test_events_that_a_wrapper_does_not_settle_well_are_a_failed_write(
    system: ActorSystem, replicas: Replicas, clock: ManualClock
) -> None:
    probe, lost = TestProbe[str](system), Events(system, DeadLetter)
    ref = system.spawn(ledger(InMemoryJournal()))
    ref.tell(Add("x", probe.ref))
    await settle()
    replicas.acknowledge(0, error=JournalError("no replica has acknowledged it; its outcome is unknown"))
    await settle()
    assert await probe.receive_all() == []
    assert "no replica has acknowledged it" in lost.seen[0].reason
    await clock.advance(1.0)
    ref.tell(Add("y", probe.ref))
    await settle()
    replicas.acknowledge(-1)
    assert await probe.receive_all() == ["xy"], "it was stored after all, and is replayed"
    assert len(replicas.requests) == 2, "each start makes a log"


async def test_a_stop_waits_for_the_settlement(system: ActorSystem, replicas: Replicas) -> None:
    probe, stopped = TestProbe[str](system), Events(system, ActorStopped)
    ref = system.spawn(ledger(InMemoryJournal()))
    ref.tell(Add("x", probe.ref))
    await settle()
    ending = asyncio.ensure_future(system.shutdown())
    await settle()
    assert ref not in [event.ref for event in stopped.seen]
    replicas.acknowledge(0)
    await ending
    assert ref in [event.ref for event in stopped.seen]


async def test_the_last_wrapper_is_the_outermost_and_older_actors_keep_their_logs(system: ActorSystem) -> None:
    made: list[str] = []

    def named(name: str) -> Any:
        def wrapping(make: LogFactory) -> LogFactory:
            async def log_of(request: LogRequest) -> EntityLog:
                made.append(name)
                return WrappedLog(await make(request))

            return log_of

        return wrapping

    journal = InMemoryJournal()
    before = system.spawn(ledger(journal))
    assert await system.ask(before, adding("a")) == "a"
    for name in ("inner", "outer"):
        system.kernel.journals.wrap(named(name))
    assert await system.ask(before, adding("b")) == "ab"
    assert made == []
    assert await system.ask(system.spawn(ledger(journal, entity_id="other")), adding("c")) == "c"
    assert made == ["outer", "inner"]


@pytest.mark.parametrize("failure", [Boom, asyncio.CancelledError, GeneratorExit, BaseException])
async def test_whatever_a_wrapper_raises_is_a_failed_start(
    system: ActorSystem, clock: ManualClock, failure: type[BaseException]
) -> None:
    failures = [failure("on purpose")]

    def wrapping(make: LogFactory) -> LogFactory:
        async def log_of(request: LogRequest) -> EntityLog:
            if failures:
                raise failures.pop()
            return await make(request)

        return log_of

    system.kernel.journals.wrap(wrapping)
    restarted = Events(system, ActorRestarted)
    ref = system.spawn(Behaviors.supervise(ledger(InMemoryJournal()), OneForOneStrategy()))
    await settle()
    await clock.advance(1.0)
    assert len(restarted.seen) == 1
    assert await system.ask(ref, adding("x")) == "x"


async def test_events_that_are_overdue_fail_their_asks_alone_and_their_output_follows_when_they_are_stored(
    system: ActorSystem, replicas: Replicas
) -> None:
    probe, dead = TestProbe[str](system), Events(system, DeadLetter)
    ref = system.spawn(ledger(InMemoryJournal()), "kept")
    ref.tell(Add("told", probe.ref))
    asking = asyncio.create_task(system.ask(ref, partial(Add, "asked")))
    await settle()
    number, _, settled = replicas.stored[-1]
    settled(number, ReplicationTimeoutError("one copy of two has stored it"))
    with pytest.raises(ReplicationTimeoutError, match="one copy of two"):
        await asking
    assert await probe.receive_all() == []
    ref.tell(Add("later", probe.ref))
    await settle()
    replicas.acknowledge(*range(len(replicas.stored)))
    assert await probe.receive_all() == ["told", "toldaskedlater"]
    assert not [letter for letter in dead.seen if isinstance(letter.message, Add)], "the commands have happened"
