"""`settle`: it returns when nothing is left to run, not before, and not never."""

import asyncio
import socket

import pytest
from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors
from casty.testing import TestInbox, settle, settling


async def test_a_long_chain_of_messages_has_ended(actor_system: ActorSystem) -> None:
    inbox = TestInbox[int]()

    async def down(ctx: ActorContext[int], message: int) -> Behavior[int]:
        await asyncio.sleep(0)
        (ctx.self if message else inbox.ref).tell(message - 1)
        return Behaviors.same()

    actor_system.spawn(Behaviors.receive(down)).tell(500)
    await settle()
    inbox.expect_message(-1)


async def test_what_was_written_to_a_socket_of_ours_has_been_read() -> None:
    left, right = socket.socketpair()
    with left, right:
        received = list[bytes]()
        asyncio.get_running_loop().add_reader(right, lambda: received.append(right.recv(10)))
        try:
            asyncio.get_running_loop().call_soon(left.send, b"x")
            await settle()
        finally:
            asyncio.get_running_loop().remove_reader(right)
    assert received == [b"x"]


async def test_two_waiting_callers_do_not_keep_each_other_awake() -> None:
    async with asyncio.timeout(20.0):
        await asyncio.gather(settle(), settle(), settle())


async def test_actors_that_never_rest_are_an_error(actor_system: ActorSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "PATIENCE", 0.02)

    async def again(ctx: ActorContext[str], message: str) -> Behavior[str]:
        ctx.self.tell(message)
        return Behaviors.same()

    ref: ActorRef[str] = actor_system.spawn(Behaviors.receive(again))
    ref.tell("x")
    with pytest.raises(AssertionError, match="never stops sending"):
        await settle()


class Blind:
    """An event loop that does not show its queue."""

    def time(self) -> float:
        return 0.0


async def test_an_unknown_event_loop_gets_its_turns(actor_system: ActorSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = TestInbox[str]()

    async def forward(_ctx: ActorContext[str], message: str) -> Behavior[str]:
        inbox.ref.tell(message)
        return Behaviors.same()

    ref = actor_system.spawn(Behaviors.receive(forward))
    ref.tell("x")
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "get_running_loop", Blind)
        await settle()
    inbox.expect_message("x")
