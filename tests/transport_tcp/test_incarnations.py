"""B15: a process that is started again at the same address is another node, and what the older one says is over."""

from casty.member import NodeId
from casty.spi.transport import Lane
from casty_transport_tcp.framing import Kind, data_header
from casty_transport_tcp.reasons import Reason

from tests.transport_tcp.strangers import Stranger, opened

OLDER, NEWER = NodeId("127.0.0.1", 9, 1), NodeId("127.0.0.1", 9, 2)


def frame(body: bytes) -> bytes:
    return data_header(len(body)) + body


async def test_a_newer_incarnation_ends_the_older_one_at_once() -> None:
    async with opened() as a, Stranger.at(a.address) as older, Stranger.at(a.address) as newer:
        await older.introduce(OLDER)
        older.write(frame(b"of the older one"))
        await a.inbox.until_received(1)
        await newer.introduce(NEWER)
        await a.inbox.until(lambda: NEWER in a.inbox.connected, "the newer incarnation")
        assert a.inbox.lost == [OLDER]
        older.write(frame(b"too late"))
        newer.write(frame(b"of the newer one"))
        await a.inbox.until_received(2)
        assert await older.verdict() in (Reason.replaced, None)
        assert a.inbox.frames == [(OLDER, b"of the older one"), (NEWER, b"of the newer one")]


async def test_both_lanes_of_the_older_incarnation_end() -> None:
    async with (
        opened() as a,
        Stranger.at(a.address) as user,
        Stranger.at(a.address) as control,
        Stranger.at(a.address) as newer,
    ):
        await user.introduce(OLDER)
        await control.introduce(OLDER, lane=Lane.control)
        await newer.introduce(NEWER)
        assert [await user.verdict(), await control.verdict()] == [Reason.replaced] * 2
        assert a.inbox.lost == [OLDER]
        assert a.inbox.connected == [OLDER, NEWER]


async def test_an_incarnation_that_was_replaced_does_not_come_back() -> None:
    """Not even where no connection to either of them is left."""
    async with opened() as a:
        for node in (OLDER, NEWER):
            async with Stranger.at(a.address) as stranger:
                await stranger.introduce(node)
                await a.inbox.until(lambda node=node: node in a.inbox.connected, "the incarnation")
        await a.inbox.until(lambda: a.inbox.lost == [OLDER, NEWER], "the loss of both")
        async with Stranger.at(a.address) as zombie:
            await zombie.introduce(OLDER)
            assert await zombie.verdict() is Reason.replaced
        assert a.transport.counters["replaced"] == 1
        assert a.inbox.connected == [OLDER, NEWER]


async def test_frames_for_an_address_go_to_the_incarnation_that_is_there_now() -> None:
    async with opened() as a, Stranger.at(a.address) as older, Stranger.at(a.address) as newer:
        await older.introduce(OLDER)
        await a.inbox.until(lambda: OLDER in a.inbox.connected, "the older incarnation")
        await newer.introduce(NEWER)
        await a.inbox.until(lambda: NEWER in a.inbox.connected, "the newer incarnation")
        await a.send(NEWER.address, [b"hello"])
        assert await newer.frame() == (Kind.data, b"hello")


async def test_a_connection_that_follows_another_ends_it() -> None:
    """The peer does not leave a connection that lives: what is left of the older one is older than what comes now."""
    async with opened() as a, Stranger.at(a.address) as first, Stranger.at(a.address) as second:
        await first.introduce(OLDER)
        await second.introduce(OLDER)
        first.write(frame(b"1"))
        await a.inbox.until_received(1)
        second.write(frame(b"2"))
        await a.inbox.until_received(2)
        first.write(frame(b"3, which was on its way"))
        second.write(frame(b"4"))
        await a.inbox.until_received(3)
        assert await first.verdict() in (Reason.superseded, None)
        assert a.inbox.bodies() == [b"1", b"2", b"4"]
        assert (a.inbox.connected, a.inbox.lost) == ([OLDER], [])
        assert a.transport.counters == {"superseded": 1}


async def test_a_second_connection_is_not_sent_over_while_the_first_lives() -> None:
    async with opened() as a, Stranger.at(a.address) as first, Stranger.at(a.address) as second:
        await first.introduce(OLDER)
        await a.send(OLDER.address, [b"1"])
        assert await first.frame() == (Kind.data, b"1")
        await second.introduce(OLDER)
        second.write(frame(b"hello"))
        await a.inbox.until_received(1)
        await a.send(OLDER.address, [b"2"])
        assert await first.frame() == (Kind.data, b"2")
        first.end()
        assert await first.verdict() is None
        await a.send(OLDER.address, [b"3"])
        assert await second.frame() == (Kind.data, b"3")
        assert a.inbox.lost == []
