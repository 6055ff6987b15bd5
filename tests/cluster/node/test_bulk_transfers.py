"""The shell of bulk transfers: two nodes whose frames a test carries, and handlers that do what they like."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest
from casty.errors import ArgumentError, NodeLostError, TransferError
from casty.member import NodeId
from casty.testing import ManualClock
from casty_cluster.node.bulk_transfers import BulkTransfers

HERE, THERE = NodeId("a", 1, 1), NodeId("b", 2, 2)
STATE = bytes(range(256)) * 2_000
"""Half a megabyte: more than a window."""


class Pair:
    """Two members. Frames are carried when a test says so."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.frames: deque[tuple[NodeId, bytes]] = deque()
        self.here = BulkTransfers(self.clock, lambda to, frame: self.frames.append((to, frame)))
        self.there = BulkTransfers(self.clock, lambda to, frame: self.frames.append((to, frame)))
        self.taken: list[tuple[NodeId, bytes]] = []
        self.there.on("state", lambda sender, data: self.taken.append((sender, bytes(data))))
        self.here.members(HERE, [THERE])
        self.there.members(THERE, [HERE])

    def carry(self, most: int = 10_000) -> None:
        """Deliver up to so many frames, and those that they cause."""
        while self.frames and most:
            to, frame = self.frames.popleft()
            most -= 1
            if to == THERE:
                self.there.received(HERE, frame)
            else:
                self.here.received(THERE, frame)


@pytest.fixture
def nodes() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.here.out()
    made.there.out()


async def started(nodes: Pair, kind: str = "state", data: bytes = STATE) -> "asyncio.Task[None]":
    """A transfer that is under way."""
    task = asyncio.create_task(nodes.here.send(THERE, kind, data))
    await asyncio.sleep(0)
    return task


@pytest.mark.parametrize("data", [STATE, b"x", b""], ids=len)
async def test_a_state_arrives_as_a_whole_and_its_sender_learns_of_it(nodes: Pair, data: bytes) -> None:
    sending = await started(nodes, data=data)
    nodes.carry()
    await sending
    assert nodes.taken == [(HERE, data)]
    assert not nodes.frames


async def test_what_is_lost_is_sent_again_after_a_new_connection(nodes: Pair) -> None:
    sending = await started(nodes)
    nodes.carry(5)
    nodes.frames.clear()
    nodes.carry()
    assert not sending.done()
    nodes.here.met(THERE)
    nodes.carry()
    await sending
    assert nodes.taken == [(HERE, STATE)]


async def test_what_is_lost_is_sent_again_after_a_while(nodes: Pair) -> None:
    sending = await started(nodes)
    nodes.frames.clear()
    await nodes.clock.advance(2.0)
    nodes.carry()
    await sending


async def test_a_cancelled_transfer_is_not_delivered(nodes: Pair) -> None:
    sending = await started(nodes)
    nodes.carry(6)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    following = await started(nodes, data=b"next")
    nodes.carry()
    await following
    assert nodes.taken == [(HERE, b"next")]


async def test_a_transfer_that_ends_while_its_task_is_being_cancelled_harms_nothing(nodes: Pair) -> None:
    sending = await started(nodes, data=b"x")
    sending.cancel()  # it runs only after the frames below have been delivered
    nodes.carry()
    with pytest.raises(asyncio.CancelledError):
        await sending
    nodes.carry()
    assert nodes.taken == [(HERE, b"x")]


async def test_a_kind_that_no_feature_takes_is_an_error_of_the_sender(nodes: Pair) -> None:
    sending = await started(nodes, kind="other")
    nodes.carry()
    with pytest.raises(TransferError, match="no feature of the receiver takes transfers of kind 'other'"):
        await sending


@pytest.mark.parametrize("failure", [ValueError("no\nroom"), SystemError("x" * 10_000), asyncio.CancelledError()])
async def test_a_handler_that_raises_is_an_error_of_the_sender_and_harms_nothing(
    nodes: Pair, failure: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def raising(sender: NodeId, data: bytearray) -> None:
        raise failure

    nodes.there.on("broken", raising)
    broken = await started(nodes, kind="broken")
    following = await started(nodes)
    nodes.carry()
    with pytest.raises(TransferError, match=f"its receiver raised {type(failure).__name__}"):
        await broken
    await following
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == f"the handler of bulk transfers of kind broken raised at one of {HERE}"


async def test_transfers_end_with_the_receiver(nodes: Pair) -> None:
    sending, waiting = await started(nodes), await started(nodes)
    nodes.carry(6)
    nodes.here.members(HERE, [])
    for task in (sending, waiting):
        with pytest.raises(NodeLostError, match="had not taken the transfer when one of the two nodes left"):
            await task
    with pytest.raises(NodeLostError, match="is not a member"):
        await nodes.here.send(THERE, "state", STATE)


async def test_transfers_end_with_the_sender_s_membership(nodes: Pair) -> None:
    sending = await started(nodes)
    nodes.here.out()
    with pytest.raises(NodeLostError):
        await sending


@pytest.mark.parametrize("data", ["text", None, bytearray(b"x"), 7])
async def test_only_bytes_can_be_sent(nodes: Pair, data: Any) -> None:
    with pytest.raises(ArgumentError, match="a bulk transfer takes bytes, not"):
        await nodes.here.send(THERE, "state", data)
