"""Attempts to connect that fail: they are repeated, and end when they take too long or are needed no more."""

import asyncio

from casty.address import PeerAddress
from casty.spi.transport import ConnectFailure
from casty.testing.simulation import Simulation, simulate, simulated

from tests.core.testing.simulation.endpoints import Recorder


def test_the_queue_of_an_unreachable_peer_is_bounded_and_dropped() -> None:
    async def scenario(sim: Simulation) -> None:
        a = Recorder(sim, "a", queue_frames=3, give_up_after=5.0).start()
        b = Recorder(sim, "b")
        await asyncio.sleep(0.1)
        assert await a.send(b, "1", "2", "3", "4") == [True, True, True, False]
        await asyncio.sleep(15.0)
        assert a.told == [("dropped", "b", ["1", "2", "3"], "no endpoint listens at b:1")]
        assert await a.send(b, "5") == [True]
        b.start()
        await sim.eventually(lambda: b.frames() == ["5"])

    simulate(scenario)


def test_a_receiver_that_has_a_queue_discarded_when_an_attempt_fails_ends_the_attempts() -> None:
    async def scenario(sim: Simulation) -> None:
        a, b = Recorder(sim, "a", give_up_after=0.0).start(), Recorder(sim, "b")

        def discard(peer: PeerAddress, failure: ConnectFailure, reason: str) -> None:
            a.told.append(("failed", peer.host, failure))
            a.transport.discard(peer, "it was removed")

        a.connect_failed = discard
        await asyncio.sleep(0.1)
        await a.send(b, "1", "2")
        await asyncio.sleep(15.0)
        assert a.told == [("failed", "b", ConnectFailure.refused), ("dropped", "b", ["1", "2"], "it was removed")]

    simulate(scenario)


@simulated(seeds=30)
async def test_dialing_a_closing_endpoint_has_a_definite_outcome(sim: Simulation) -> None:
    a, b = Recorder(sim, "a", give_up_after=1.0).start(), Recorder(sim, "b")

    async def main() -> None:
        async with b.listening():
            await asyncio.sleep(0.2)

    b.host.start(main)
    await asyncio.sleep(0.1)
    b.host.pause()
    await a.send(b, "hello")
    await asyncio.sleep(0.2)
    # Now it has to accept a peer and to close, in any order.
    b.host.resume()
    await asyncio.sleep(10.0)
    assert [said[0] for said in a.told] in (["connected", "lost"], ["dropped"], ["connected", "lost", "dropped"])
