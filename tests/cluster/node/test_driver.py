"""The loop that runs every machine of the cluster."""

import asyncio
from dataclasses import dataclass, field

import pytest
from casty.testing import ManualClock
from casty_cluster.node.driver import RETRY, Driver
from casty_cluster.protocol.machine import Tick


@dataclass(frozen=True)
class Say:
    """Return these as effects."""

    effects: tuple[object, ...]


@dataclass
class Echo:
    """A machine that a test leads by the hand."""

    due: float | None = None
    broken: str | None = None
    error: BaseException | None = None
    handled: list[tuple[object, float]] = field(default_factory=list[tuple[object, float]])

    def handle(self, given: Say | Tick, now: float) -> list[object]:
        self.handled.append((given, now))
        if self.error is not None:
            raise self.error
        if isinstance(given, Tick):
            return ["tick"]
        return list(given.effects)

    def next_deadline(self) -> float | None:
        return self.due

    def validate(self) -> None:
        assert self.broken is None, self.broken


class Signal(BaseException):
    """As test frameworks have them."""


class Unprintable:
    def __repr__(self) -> str:
        raise ValueError("no repr")


def say(*effects: object) -> Say:
    return Say(effects)


def notes(error: BaseException) -> str:
    return "\n".join(error.__notes__)


async def test_effects_are_carried_out_in_order() -> None:
    done = list[object]()
    driver = Driver(Echo(), ManualClock(), done.append)
    driver.handle(say(1, 2, 3))
    assert done == [1, 2, 3]


async def test_an_input_that_an_effect_hands_in_is_handled_after_the_effects_of_the_present_one() -> None:
    done = list[object]()

    def carry_out(effect: object) -> None:
        done.append(effect)
        if effect == "nested":
            driver.handle(say("later"))

    driver = Driver(Echo(), ManualClock(), carry_out)
    driver.handle(say("nested", "rest"))
    assert done == ["nested", "rest", "later"]


async def test_the_machine_ticks_when_its_deadline_has_come_and_only_then() -> None:
    machine, clock, done = Echo(due=5.0), ManualClock(), list[object]()
    driver = Driver(machine, clock, done.append)
    await clock.advance(6.0)
    assert done == [], "nothing has set the alarm yet"
    machine.due = 10.0
    driver.handle(say())
    await clock.advance(3.9)
    assert done == []
    machine.due, deadline = None, machine.due
    await clock.advance(0.2)
    assert done == ["tick"]
    assert machine.handled[-1] == (Tick(), deadline)
    await clock.advance(100.0)
    assert done == ["tick"], "the machine has no deadline any more"


async def test_a_shell_may_hand_in_the_tick_on_its_own_turn() -> None:
    machine, clock, rung = Echo(due=1.0), ManualClock(), list[str]()
    driver = Driver(machine, clock, lambda _: None, due=lambda: rung.append("due"))
    driver.handle(say())
    await clock.advance(1.0)
    assert (rung, len(machine.handled)) == (["due"], 1)


async def test_an_effect_that_fails_keeps_no_other_effect_back_and_its_error_holds_the_story() -> None:
    done = list[object]()

    def carry_out(effect: object) -> None:
        if isinstance(effect, Exception):
            raise effect
        done.append(effect)

    driver = Driver(Echo(), ManualClock(), carry_out)
    with pytest.raises(ValueError, match="first") as raised:
        driver.handle(say("a", ValueError("first"), "b", OSError("second"), "c"))
    assert done == ["a", "b", "c"]
    assert "Say(effects=('a', ValueError('first'), 'b'" in notes(raised.value)
    assert "and then: OSError('second')" in notes(raised.value)


async def test_an_input_that_waits_is_handled_although_one_before_it_failed() -> None:
    done = list[object]()

    def carry_out(effect: object) -> None:
        if effect == "fail":
            driver.handle(say("waiting"))
            raise ValueError("failed")
        done.append(effect)

    driver = Driver(Echo(), ManualClock(), carry_out)
    with pytest.raises(ValueError, match="failed"):
        driver.handle(say("fail"))
    assert done == ["waiting"]
    driver.handle(say("next"))
    assert done == ["waiting", "next"]


async def test_a_broken_invariant_is_raised_with_the_last_inputs_and_effects() -> None:
    assert Driver.validates, "tests/cluster/conftest.py switches it on"
    machine = Echo()
    clock = ManualClock()
    await clock.advance(3.0)
    driver = Driver(machine, clock, lambda _: None, remembered=3)
    for number in range(5):
        driver.handle(say(number))
    machine.broken = "two leaders"
    with pytest.raises(AssertionError, match="two leaders") as raised:
        driver.handle(say(Unprintable()))
    story = notes(raised.value)
    assert "the last inputs of Echo" in story
    assert "(effects=(3,))" not in story, "the story is bounded"
    assert "3.000 Say(effects=(4,)) -> [4]" in story
    assert "Say (its repr raises ValueError)" in story


async def test_a_machine_that_always_raises_is_retried_after_a_pause_and_not_at_once() -> None:
    machine, clock = Echo(due=0.0, error=ValueError("a bug")), ManualClock()
    failures = list[Exception]()

    def due() -> None:
        try:
            driver.handle(Tick())
        except ValueError as error:
            failures.append(error)

    driver = Driver(machine, clock, lambda _: None, due=due)
    due()
    assert len(failures) == 1
    await clock.advance(RETRY * 0.9)
    assert len(failures) == 1
    await clock.advance(RETRY * 0.2)
    assert len(failures) == 2
    machine.error, machine.due = None, None
    driver.handle(say())


@pytest.mark.parametrize("error", [asyncio.CancelledError(), Signal("now")])
async def test_a_failure_may_be_any_exception(error: BaseException) -> None:
    machine, clock, done = Echo(due=0.0, error=error), ManualClock(), list[object]()

    def carry_out(effect: object) -> None:
        if isinstance(effect, BaseException):
            raise effect
        done.append(effect)

    driver = Driver(machine, clock, carry_out, due=lambda: done.append("due"))
    with pytest.raises(type(error)):
        driver.handle(say())
    await clock.advance(RETRY * 0.9)
    assert done == [], "not at once"
    machine.error, machine.due = None, None
    with pytest.raises(type(error)) as raised:
        driver.handle(say(error, "rest"))
    assert done == ["rest"]
    assert "the last inputs of Echo" in notes(raised.value)


async def test_a_driver_that_has_stopped_neither_handles_nor_carries_out_anything() -> None:
    machine, clock, done = Echo(due=1.0), ManualClock(), list[object]()

    def carry_out(effect: object) -> None:
        done.append(effect)
        if effect == "stop":
            driver.handle(say("waiting"))
            driver.stop()

    driver = Driver(machine, clock, carry_out)
    driver.handle(say("stop", "rest"))
    driver.handle(say("late"))
    await clock.advance(10.0)
    assert done == ["stop"]
    assert len(machine.handled) == 1


async def test_the_deadline_of_a_driver_that_has_stopped_does_not_ring() -> None:
    clock, rung = ManualClock(), list[str]()
    driver = Driver(Echo(due=1.0), clock, lambda _: None, due=lambda: rung.append("due"))
    driver.handle(say())
    driver.stop()
    await clock.advance(10.0)
    assert rung == []


async def test_an_exception_that_ends_the_program_leaves_a_driver_that_works() -> None:
    done = list[object]()

    def carry_out(effect: object) -> None:
        if effect == "interrupt":
            raise KeyboardInterrupt
        done.append(effect)

    driver = Driver(Echo(), ManualClock(), carry_out)
    with pytest.raises(KeyboardInterrupt):
        driver.handle(say("interrupt"))
    driver.handle(say("next"))
    assert done == ["next"]


async def test_a_driver_without_a_memory_keeps_no_message_alive() -> None:
    driver = Driver(Echo(), ManualClock(), lambda _: None, remembered=0)
    driver.handle(say("large"))
    assert driver.story() == ""
