"""The time that actors see: the test's own where a test owns it."""

from datetime import UTC, datetime, timedelta

import pytest
from casty import ActorSystem, Behavior, Behaviors, InMemoryJournal
from casty.clock import SystemClock
from casty.persistence.log import PlainLog
from casty.testing import BehaviorTestKit, EventSourcedTestKit, ManualClock, manual_time, settle

from tests.core.runtime.probe import Ctx, does

START = datetime(2024, 2, 29, 12, tzinfo=UTC)

type Seen = list[tuple[datetime, float]]


def looks_at_the_clock(seen: Seen) -> Behavior[str]:
    return does(lambda ctx, message: seen.append((ctx.now(), ctx.time())))


async def test_an_actor_sees_the_tests_time() -> None:
    clock, seen = manual_time(START), list[tuple[datetime, float]]()
    async with ActorSystem(clock=clock) as system:
        ref = system.spawn(looks_at_the_clock(seen))
        system.schedule("later", ref, "x", delay=3600.0)
        ref.tell("x")
        await clock.advance(3600.0)
        assert seen == [(START, 0.0), (START + timedelta(hours=1), 3600.0)]
        assert (system.clock.now(), system.clock.time()) == seen[-1]


async def test_without_a_clock_of_the_tests_it_is_the_machines() -> None:
    seen = list[tuple[datetime, float]]()
    async with ActorSystem() as system:
        before = datetime.now(UTC), system.clock.time()
        system.spawn(looks_at_the_clock(seen)).tell("x")
        await settle()
        after = datetime.now(UTC), system.clock.time()
    [(now, seconds)] = seen
    assert before[0] <= now <= after[0]
    assert before[1] <= seconds <= after[1]
    assert now.utcoffset() == timedelta(0)


def test_a_behavior_kit_lets_time_pass() -> None:
    seen = list[tuple[datetime, float]]()
    kit = BehaviorTestKit(looks_at_the_clock(seen), clock=ManualClock(START))
    kit.run("x")
    kit.pass_time(60.0)
    kit.run("x")
    assert seen == [(START, 0.0), (START + timedelta(minutes=1), 60.0)]


async def on_command(ctx: Ctx, _state: list[str], command: str) -> Behavior[str]:
    return Behaviors.persisted([f"{command} at {ctx.now():%H:%M}"])


def on_event(state: list[str], event: str) -> list[str]:
    return [*state, event]


async def test_an_event_sourced_kit_goes_by_the_tests_time() -> None:
    clock = ManualClock(START)
    behavior = Behaviors.event_sourced(entity_id="e", initial_state=list[str], on_event=on_event, on_command=on_command)
    async with EventSourcedTestKit(behavior, clock=clock) as kit:
        await clock.advance(60.0)
        assert (await kit.run("paid")).events == ("paid at 12:01",)


@pytest.mark.parametrize("seconds", [0.0, 90.0])
async def test_timestamps_of_events_and_snapshots_are_the_tests_time(seconds: float) -> None:
    clock, journal = ManualClock(START), InMemoryJournal()
    async with ActorSystem(clock=clock) as system:
        ref = system.spawn(
            Behaviors.event_sourced(
                entity_id="e", initial_state=list[str], on_event=on_event, on_command=on_command, journal=journal
            )
        )
        await clock.advance(seconds)
        ref.tell("paid")
        await settle()
    [event] = await journal.load("e")
    assert event.timestamp == START.timestamp() + seconds


async def test_a_journal_with_the_four_methods_gets_the_same_time() -> None:
    clock, journal = SystemClock(ManualClock(START)), InMemoryJournal()
    log = PlainLog("e", journal, clock.wall_time)
    log.append(1, ["paid"], (), lambda number, error: None)
    await settle()
    assert [event.timestamp for event in await journal.load("e")] == [START.timestamp()]
