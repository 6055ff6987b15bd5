"""What a transport raises reaches nothing that sends: tells go on, asks fail, and the cluster stays."""

import asyncio
from typing import Any, cast

import pytest
from casty.address import PeerAddress
from casty.errors import ActorStoppedError
from casty.spi.transport import Lane, Transport
from casty.testing import ManualClock
from casty_cluster import ClusteredActorSystem, DevelopmentCluster
from casty_cluster.node.outlet import Outlet

from tests.cluster.system.actors import Do, Identify, answering

PEER = PeerAddress("b", 2)


class Signal(BaseException):
    """As test frameworks have them."""


class Failing:
    """A transport that raises as long as it has `error`, and takes frames from then on."""

    def __init__(self, error: BaseException | None, inner: Any = None) -> None:
        self.error = error
        self._inner = inner

    def send(self, peer: PeerAddress, frame: bytes, lane: Lane = Lane.user) -> bool:
        if self.error is not None:
            raise self.error
        return self._inner is None or self._inner.send(peer, frame, lane)

    def discard(self, peer: PeerAddress, reason: str) -> None:
        self.send(peer, b"")


def outlet(transport: Any) -> Outlet:
    return Outlet(transport, ManualClock())


@pytest.mark.parametrize("error", [RuntimeError("broken"), OSError("gone"), Signal("now"), asyncio.CancelledError()])
def test_a_failure_is_the_reason_why_a_frame_is_dropped(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    failing = Failing(error)
    sends = outlet(failing)
    for _ in range(3):
        assert sends.send(PEER, b"x", Lane.user) == f"the transport Failing has raised {error!r}"
        sends.discard(PEER, "it was removed")
    assert caplog.text.count("the transport Failing has failed for b:2") == 1, "once in a while"
    failing.error = None
    assert sends.send(PEER, b"x", Lane.user) is None


@pytest.mark.parametrize("error", [ValueError("too large"), KeyboardInterrupt(), SystemExit(3)])
def test_frames_that_are_too_large_and_the_end_of_the_program_are_no_failures(error: BaseException) -> None:
    with pytest.raises(type(error)):
        outlet(Failing(error)).send(PEER, b"x", Lane.user)


def break_transport(node: ClusteredActorSystem) -> Failing:
    """Its transport fails from now on."""
    listening = node.node._listening
    assert listening is not None
    failing = Failing(RuntimeError("broken"), listening.outlet.transport)
    listening.outlet.transport = cast("Transport", failing)
    return failing


async def test_a_tell_never_raises_an_ask_fails_and_the_node_goes_on_when_its_transport_works() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        second.spawn(answering("second"), "worker")
        ref = first.lookup("/worker", node=second.self_node.node)
        assert ref is not None
        failing = break_transport(first)
        ref.tell(Do("anything"))
        with pytest.raises(ActorStoppedError, match=r"the transport Failing has raised RuntimeError\('broken'\)"):
            await first.ask(ref, Identify)
        failing.error = None
        assert await first.ask(ref, Identify) == "second"
