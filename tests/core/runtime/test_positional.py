"""Calls read naturally: arguments whose place is plain need no name, and names that users know are taken."""

from casty import ActorAddress, ActorSystem, Behaviors, DeadLetter, Mailbox, SpyEvent
from casty.testing import ManualClock, TestProbe


async def test_timers_of_the_system_need_no_names() -> None:
    clock = ManualClock()
    async with ActorSystem(clock=clock) as system:
        probe = TestProbe[str](system)
        system.tick("tick", probe.ref, "tick", 30.0)
        system.schedule("once", target=probe.ref, message="once", delay=10.0)
        await clock.advance(10.0)
        assert await probe.receive() == "once"
        await clock.advance(20.0)
        assert await probe.receive() == "tick"


async def test_the_function_of_an_ask_may_be_named() -> None:
    async with ActorSystem() as system:
        probe = TestProbe[object](system)
        assert await system.ask_or_none(probe.ref, msg_factory=lambda reply_to: reply_to, timeout=0.0) is None


async def test_values_need_no_names_for_what_comes_first() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Behaviors.ignore())
        assert DeadLetter(message=1, intended_ref=ref).reason == ""
        assert ref.address.is_local
    address = ActorAddress("bank", "/account")
    assert address == ActorAddress(system="bank", path="/account")
    assert not ActorAddress("bank", "/account", host="10.0.0.1", port=1).is_local


def test_spied_events_and_mailboxes_can_be_made_with_their_type() -> None:
    assert Mailbox[int](capacity=3) == Mailbox(capacity=3)
    assert SpyEvent[int](actor_path="/a", event=1, timestamp=0.0).event == 1
