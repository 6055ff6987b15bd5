"""Messages to copies that are larger than a frame: none is lost because another one is on its way."""

import asyncio
from typing import Any, cast

import pytest
from casty.errors import TransferError
from casty.extension import Throttle
from casty.member import NodeId
from casty.testing import ManualClock
from casty_cluster.replication import transfers
from casty_cluster.replication.transfers import Transfers

from tests.cluster.system.waiting import until

NODE, OTHER = NodeId("10.0.0.1", 25520, 1), NodeId("10.0.0.2", 25520, 2)


class Sender:
    """A node whose transfers a test ends."""

    def __init__(self) -> None:
        self.sent: list[tuple[NodeId, bytes]] = []
        self.ends = asyncio.Semaphore(0)
        self.error: Exception | None = None

    async def send_bulk(self, to: NodeId, kind: str, data: bytes) -> None:
        assert kind == "casty.replication.Message"
        self.sent.append((to, data))
        await self.ends.acquire()
        if self.error is not None:
            raise self.error

    def end(self, count: int) -> None:
        for _ in range(count):
            self.ends.release()


def transfers_of(sender: Sender) -> Transfers:
    return Transfers(cast("Any", sender), Throttle(ManualClock()))


async def test_messages_to_one_copy_go_one_after_the_other() -> None:
    sender = Sender()
    sending = transfers_of(sender)
    for message in (b"event", b"state", b"next event"):
        sending.send(NODE, "a", message)
    sending.send(OTHER, "b", b"event")
    await until(lambda: len(sender.sent) == 2)
    assert sender.sent == [(NODE, b"event"), (OTHER, b"event")]
    sender.end(4)
    await until(lambda: len(sender.sent) == 4)
    assert sender.sent[2:] == [(NODE, b"state"), (NODE, b"next event")]
    await sending.close()


async def test_what_exceeds_the_room_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "WAITING", 10)
    sender = Sender()
    sending = transfers_of(sender)
    sending.send(NODE, "a", b"larger than the room")
    sending.send(NODE, "a", b"lost")
    sender.end(9)
    await until(lambda: not sending._waiting)
    for message in (b"123456", b"1234", b"5"):
        sending.send(NODE, "a", message)
    await until(lambda: not sending._waiting)
    assert [message for _, message in sender.sent] == [b"larger than the room", b"123456", b"1234"]
    await sending.close()


async def test_a_transfer_that_fails_is_logged_and_the_next_one_follows(caplog: pytest.LogCaptureFixture) -> None:
    sender = Sender()
    sending = transfers_of(sender)
    sender.error = TransferError("the node is full")
    for message in (b"1", b"2"):
        sending.send(NODE, "a", message)
    sender.end(2)
    await until(lambda: not sending._waiting)
    assert [message for _, message in sender.sent] == [b"1", b"2"]
    assert "a message to a copy on 10.0.0.1:25520#1 is lost, and sent again: the node is full" in caplog.text
    await sending.close()


async def test_closing_ends_what_is_on_its_way() -> None:
    sender = Sender()
    sending = transfers_of(sender)
    for message in (b"1", b"2"):
        sending.send(NODE, "a", message)
    await until(lambda: bool(sender.sent))
    await sending.close()
    assert len(sender.sent) == 1
