"""Connections through the simulated network: in order and whole, or broken and said so."""

import asyncio
from typing import Any

import pytest
from casty.member import NodeId
from casty.spi.transport import FRAME_LIMITS, Lane
from casty.testing.simulation import Link, Settings, Simulation, simulate, simulated
from casty.testing.simulation.connection import SILENCE
from casty.testing.simulation.transport import open_simulated

from tests.core.testing.simulation.endpoints import Recorder

MANY = [str(number) for number in range(200)]


def pair(sim: Simulation, **options: Any) -> tuple[Recorder, Recorder]:
    return Recorder(sim, "a", **options).start(), Recorder(sim, "b", **options).start()


@simulated(seeds=20)
async def test_frames_of_a_lane_arrive_in_order(sim: Simulation) -> None:
    a, b = pair(sim)
    await asyncio.sleep(0.1)
    sent = await a.send(b, *MANY)
    await a.send(b, *(f"c{number}" for number in MANY), lane=Lane.control)
    assert all(sent)
    await sim.eventually(lambda: len(b.told) == 1 + 2 * len(MANY))
    assert b.told[0] == ("connected", "a", 1)
    assert [frame for frame in b.frames() if not frame.startswith("c")] == MANY
    assert [frame[1:] for frame in b.frames() if frame.startswith("c")] == MANY
    assert a.told == [("connected", "b", 2)]


@simulated(seeds=20)
async def test_two_that_dial_each_other_at_once_have_one_connection(sim: Simulation) -> None:
    a, b = pair(sim)
    await asyncio.sleep(0.1)
    await asyncio.gather(a.send(b, *MANY), b.send(a, *MANY))
    await sim.eventually(lambda: len(a.told) == len(b.told) == 1 + len(MANY))
    assert a.frames() == b.frames() == MANY
    assert a.others() == [("connected", "b", 2)]
    assert b.others() == [("connected", "a", 1)]


@simulated(seeds=20)
async def test_nothing_arrives_before_the_peer_is_announced(sim: Simulation) -> None:
    a, b = pair(sim)

    def greet(peer: NodeId) -> None:
        b.told.append(("connected", peer.host, peer.uid))
        b.transport.send(peer.address, b"welcome")

    b.peer_connected = greet
    await asyncio.sleep(0.1)
    await a.send(b, "hello")
    await sim.eventually(lambda: len(a.told) == len(b.told) == 2)
    assert a.told == [("connected", "b", 2), ("frame", "b", "welcome")]
    assert b.told == [("connected", "a", 1), ("frame", "a", "hello")]


@simulated(seeds=20)
async def test_an_endpoint_that_dials_a_paused_dialer_has_one_connection_as_well(sim: Simulation) -> None:
    a, b = pair(sim)
    await asyncio.sleep(0.1)
    await asyncio.gather(a.send(b, *MANY), b.send(a, *MANY))
    a.host.pause()
    await asyncio.sleep(1.0)
    a.host.resume()
    await sim.eventually(lambda: len(a.told) == len(b.told) == 1 + len(MANY))
    assert a.frames() == b.frames() == MANY


@simulated(seeds=10)
async def test_a_short_cut_delays_and_loses_nothing(sim: Simulation) -> None:
    a, b = pair(sim)
    await asyncio.sleep(0.1)
    await a.send(b, "before")
    await asyncio.sleep(1.0)
    with sim.network.partition(["a"], ["b"]):
        await a.send(b, *MANY)
        await asyncio.sleep(SILENCE - 1.0)
        assert b.frames() == ["before"]
    await sim.eventually(lambda: len(b.frames()) == 1 + len(MANY), within=1.0)
    assert b.frames() == ["before", *MANY]
    assert len(a.others()) == len(b.others()) == 1


@pytest.mark.parametrize("one_way", [False, True])
def test_a_long_cut_breaks_the_connection_on_both_sides(one_way: bool) -> None:
    async def scenario(sim: Simulation) -> None:
        a, b = pair(sim)
        await asyncio.sleep(0.1)
        await a.send(b, "before")
        await asyncio.sleep(1.0)
        with sim.network.partition(["a"], ["b"], one_way=one_way):
            await a.send(b, "lost")
            await asyncio.sleep(SILENCE + 0.1)
            reason = f"nothing was received for {SILENCE:g} s"
            assert a.others() == [("connected", "b", 2), ("lost", "b", 2, reason)]
            assert b.others() == [("connected", "a", 1), ("lost", "a", 1, reason)]
        await a.send(b, "after")
        await sim.eventually(lambda: b.frames() == ["before", "after"])

    simulate(scenario)


def test_one_way_is_open_in_the_other_direction() -> None:
    async def scenario(sim: Simulation) -> None:
        a, b = pair(sim)
        await asyncio.sleep(0.1)
        await a.send(b, "hello")
        await asyncio.sleep(1.0)
        with sim.network.partition(["a"], ["b"], one_way=True):
            await asyncio.gather(a.send(b, "to b"), b.send(a, "to a"))
            await asyncio.sleep(1.0)
            assert (a.frames(), b.frames()) == (["to a"], ["hello"])

    simulate(scenario)


def test_a_reset_is_reported_at_once_and_connecting_is_refused() -> None:
    async def scenario(sim: Simulation) -> None:
        a, b = pair(sim)
        await asyncio.sleep(0.1)
        await a.send(b, "hello")
        await asyncio.sleep(1.0)
        with sim.network.partition(["a"], ["b"], reset=True):
            await asyncio.sleep(0.01)
            assert [said[0] for said in (*a.others(), *b.others())] == ["connected", "lost"] * 2
            await a.send(b, "again")
            await asyncio.sleep(1.0)
            assert a.transport.counters["the network is unreachable"] >= 2
        await sim.eventually(lambda: b.frames() == ["hello", "again"])

    simulate(scenario)


@pytest.mark.parametrize("silent", [False, True])
def test_a_crash_is_noticed_sooner_or_later(silent: bool) -> None:
    async def scenario(sim: Simulation) -> None:
        a, b = pair(sim)
        await asyncio.sleep(0.1)
        await a.send(b, "hello")
        await asyncio.sleep(1.0)
        b.host.crash(silent=silent)
        crashed = sim.time()
        await sim.eventually(lambda: ("lost", "b", 2) in [said[:3] for said in a.told])
        assert (sim.time() - crashed > SILENCE - 0.1) is silent

    simulate(scenario)


@simulated(seeds=20)
async def test_a_process_that_dies_while_it_dials_is_never_connected(sim: Simulation) -> None:
    a, b = pair(sim)
    await asyncio.sleep(0.1)
    await a.send(b, "hello")
    a.host.crash()
    await asyncio.sleep(1.0)
    assert b.told == []


@simulated(seeds=20)
async def test_a_restarted_node_is_another_one(sim: Simulation) -> None:
    a, b = pair(sim)
    await asyncio.sleep(0.1)
    await a.send(b, "to the first")
    await asyncio.sleep(1.0)
    b.host.crash(silent=sim.random.random() < 0.5)
    await asyncio.sleep(sim.random.random())
    await a.send(b, "undeliverable")
    b.restart()
    await asyncio.sleep(1.0)
    await a.send(b, "to the second")
    await sim.eventually(lambda: b.frames()[-1] == "to the second")
    assert [said[:3] for said in a.others()] == [("connected", "b", 2), ("lost", "b", 2), ("connected", "b", 102)]


def test_a_paused_peer_takes_its_frames_when_it_goes_on() -> None:
    async def scenario(sim: Simulation) -> None:
        a, b = pair(sim, queue_frames=50)
        await asyncio.sleep(0.1)
        await a.send(b, "before")
        await asyncio.sleep(1.0)
        b.host.pause()
        taken = await a.send(b, *MANY)
        assert taken == [True] * 50 + [False] * 150
        await asyncio.sleep(1.0)
        assert b.frames() == ["before"]
        b.host.resume()
        await sim.eventually(lambda: b.frames() == ["before", *MANY[:50]])
        assert await a.send(b, "room again") == [True]

    simulate(scenario)


def test_queues_are_bounded_by_bytes() -> None:
    async def scenario(sim: Simulation) -> None:
        a, b = pair(sim, queue_bytes=100)
        await asyncio.sleep(0.1)
        assert await a.send(b, "x" * 60, "x" * 60, "x") == [True, True, False]
        await asyncio.sleep(1.0)
        assert await a.send(b, "x" * 60, "x" * 60, "x") == [True, True, False]

    simulate(scenario)


@pytest.mark.parametrize(
    ("mine", "theirs", "reason"),
    [
        ({"cluster": "x"}, {"cluster": "y"}, "this is the cluster 'y', not 'x'"),
        ({"cookies": (b"1",)}, {"cookies": (b"2",)}, "the cookies are not the same"),
        ({"cookies": (b"1",)}, {}, "the cookies are not the same"),
        ({}, {"cookies": (b"1",)}, "the cookies are not the same"),
    ],
)
def test_strangers_are_turned_away(mine: dict[str, Any], theirs: dict[str, Any], reason: str) -> None:
    async def scenario(sim: Simulation) -> None:
        a, b = Recorder(sim, "a").joining(**mine).start(), Recorder(sim, "b").joining(**theirs).start()
        await asyncio.sleep(0.1)
        await a.send(b, "let me in")
        await asyncio.sleep(15.0)
        assert a.told == [("dropped", "b", ["let me in"], reason)]
        assert a.transport.counters[reason] > 1
        assert b.told == []

    simulate(scenario)


def test_cookies_can_be_changed_one_node_after_the_other() -> None:
    async def scenario(sim: Simulation) -> None:
        a = Recorder(sim, "a").joining(cookies=(b"old", b"new")).start()
        b = Recorder(sim, "b").joining(cookies=(b"new", b"old")).start()
        await asyncio.sleep(0.1)
        await a.send(b, "hello")
        await sim.eventually(lambda: b.frames() == ["hello"])

    simulate(scenario)


def test_loss_costs_time_and_no_frames() -> None:
    async def scenario(sim: Simulation) -> None:
        sim.network.set_link("a", "b", Link(loss=0.2, duplication=0.5, reordering=0.5))
        a, b = pair(sim)
        await asyncio.sleep(0.1)
        await a.send(b, *MANY)
        await sim.eventually(lambda: len(b.frames()) == len(MANY), within=120.0)
        assert b.frames() == MANY
        assert sim.time() > 0.3

    simulate(scenario)


def test_a_lossy_link_hides_nothing() -> None:
    async def scenario(sim: Simulation) -> None:
        a, b = pair(sim)
        await asyncio.sleep(0.1)
        await a.send(b, "hello")
        await asyncio.sleep(1.0)
        sim.network.set_link("a", "b", Link(loss=0.2, duplication=0.2, reordering=0.2, lossy=True))
        await a.send(b, *MANY)
        await asyncio.sleep(10.0)
        frames = b.frames()[1:]
        assert len(set(MANY) - set(frames)) > 10
        assert len(frames) - len(set(frames)) > 10
        assert [int(frame) for frame in dict.fromkeys(frames)] != sorted({int(frame) for frame in frames})
        with sim.network.partition(["a"], ["b"]):
            await a.send(b, "into the void")
            await asyncio.sleep(1.0)
        await asyncio.sleep(1.0)
        assert "into the void" not in b.frames()

    simulate(scenario)


def test_bandwidth_is_shared_by_what_is_sent() -> None:
    async def scenario(sim: Simulation) -> float:
        a, b = pair(sim)
        await asyncio.sleep(0.1)
        await a.send(b, *("x" * 100 for _ in range(10)))
        await sim.eventually(lambda: len(b.frames()) == 10, within=60.0)
        return sim.time()

    narrow = Settings(link=Link(bandwidth=100.0))
    assert simulate(scenario).result < 1.0
    assert 10.0 < simulate(scenario, settings=narrow).result < 11.0


@simulated(seeds=10)
async def test_a_disconnect_sends_what_is_queued(sim: Simulation) -> None:
    a, b = pair(sim)
    await asyncio.sleep(0.1)
    await a.send(b, *MANY)
    await a.host.run(lambda: a.transport.disconnect(b.address))
    await sim.eventually(lambda: ("lost", "a", 1, "the peer closed the connection") in b.told)
    assert b.frames() == MANY
    assert a.others() == [("connected", "b", 2), ("lost", "b", 2, "this endpoint closed the connection")]


@simulated(seeds=10)
async def test_a_closed_endpoint_says_and_takes_nothing_more(sim: Simulation) -> None:
    a, b = Recorder(sim, "a"), Recorder(sim, "b").start()

    async def main() -> bool:
        async with a.listening() as transport:
            transport.send(b.address, b"hello")
        return transport.send(b.address, b"too late")

    await asyncio.sleep(0.1)
    assert not await a.host.run(main)
    told = list(a.told)
    await b.send(a, "too late")
    await asyncio.sleep(1.0)
    assert a.told == told
    assert b.frames() == ["hello"]


@pytest.mark.parametrize("lane", Lane)
def test_frames_have_a_size(lane: Lane) -> None:
    async def scenario(sim: Simulation) -> None:
        a, b = pair(sim)
        await asyncio.sleep(0.1)
        limit = FRAME_LIMITS[lane]
        assert await a.send(b, "x" * limit, lane=lane) == [True]
        for frame in ("", "x" * (limit + 1)):
            with pytest.raises(ValueError, match=f"{len(frame)} bytes; the {lane.value} lane takes 1 to {limit}"):
                await a.send(b, frame, lane=lane)

    simulate(scenario)


@pytest.mark.parametrize(
    ("url", "error", "text"),
    [
        ("sim://b:1", OSError, "cannot be opened on the host 'a'"),
        ("sim://a", ValueError, "write sim://host:port"),
        ("sim://a:1", OSError, "another endpoint listens at sim://a:1 already"),
    ],
)
def test_a_wrong_address_is_explained(url: str, error: type[Exception], text: str) -> None:
    async def scenario(sim: Simulation) -> None:
        a = Recorder(sim, "a").start()

        async def main() -> None:
            endpoint: Any = a.transport
            async with open_simulated(url, a, endpoint.endpoint, endpoint.options):
                pass

        await asyncio.sleep(0.1)
        with pytest.raises(error, match=text):
            await a.host.run(main)

    simulate(scenario)


def test_a_transport_needs_a_host() -> None:
    async def scenario(sim: Simulation) -> None:
        with pytest.raises(RuntimeError, match="belongs to a simulated host; open it there"):
            await Recorder(sim, "a").main()

    simulate(scenario)
