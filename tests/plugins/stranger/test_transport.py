"""The stranger's transport passes its kit, carries a cluster, and with any one of its bugs fails."""

from asyncio import StreamReader, StreamWriter, open_unix_connection, start_unix_server
from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from casty import CastyConfig
from casty.address import PeerAddress
from casty.config import ClusterConfig
from casty.spi.transport import Endpoint, FrameReceiver, Transport
from casty.testing.conformance.transport import Capabilities, OpenTransport, Wire, checks, nodes, ordering
from casty.testing.conformance.transport.registry import Accept
from casty_cluster import ClusteredActorSystem

from tests.conformance.mutations import mutants_in
from tests.plugins.stranger import transport
from tests.plugins.stranger import transport_mutants as mutants
from tests.plugins.stranger.transport import UnixOptions, UnixTransport, address_of, opened

CAUGHT_BY: dict[type[UnixTransport], str] = {
    mutants.StealsTheAddress: "an_address_that_is_taken_is_an_os_error",
    mutants.TakesAnyFileForAnEndpoint: "an_address_is_free_again_when_its_process_was_killed",
    mutants.KeepsItsOwnAddress: "an_endpoint_is_known_by_the_address_that_it_advertises",
    mutants.TakesFramesOfAnySize: "an_empty_frame_is_a_value_error",
    mutants.ReadsFramesOfAnySize: "a_frame_that_a_peer_makes_too_large_is_not_kept",
    mutants.AcceptsAnyCluster: "another_cluster_is_turned_away",
    mutants.AcceptsAnyCookie: "another_cookie_keeps_out",
    mutants.KnowsOneCookie: "cookies_are_changed_one_node_after_the_other",
    mutants.ProvesWithoutNonces: "a_replayed_handshake_is_rejected",
    mutants.SwallowsWhatReceiversRaise: "what_a_receiver_raises_costs_one_frame",
    mutants.AnnouncesEachConnection: "a_peer_is_announced_once_for_both_lanes",
    mutants.NeverTellsOfLosses: "disconnecting_tells_both_sides_once",
    mutants.ForgetsIncarnations: "a_restarted_node_is_another_one",
    mutants.CountsNothing: "another_cluster_is_turned_away",
    mutants.HangsUpAtOnce: "disconnecting_sends_what_is_queued_first",
    mutants.TakesFramesWhenItIsClosed: "a_closed_endpoint_takes_nothing",
}


@pytest.fixture(autouse=True)
def smaller_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Still more than the queues of this transport hold."""
    monkeypatch.setattr(ordering, "MANY", 20_000)


@pytest.fixture
def folder() -> Iterator[str]:
    """A short path: that of a socket has about a hundred characters."""
    with TemporaryDirectory(prefix="casty") as made:
        yield made


def opening(kind: type[UnixTransport], folder: str, give_up_after: float = 1.0) -> OpenTransport:
    options = UnixOptions(folder, give_up_after=give_up_after)

    def open_one(
        receiver: FrameReceiver, endpoint: Endpoint, at: PeerAddress | None
    ) -> AbstractAsyncContextManager[Transport]:
        return opened(kind(at or address_of("unix://node:0", options), receiver, endpoint, options))

    return open_one


def wire(folder: str) -> Wire:
    async def dial(address: PeerAddress) -> tuple[StreamReader, StreamWriter]:
        return await open_unix_connection(Path(folder, f"{address.host}-{address.port}"))

    @asynccontextmanager
    async def listen(accept: Accept) -> AsyncGenerator[PeerAddress]:
        path = Path(folder, "relay-1")
        async with await start_unix_server(accept, path):
            yield PeerAddress("relay", 1)

    return Wire(dial, listen)


NAMES = [check.__name__ for check in checks(Capabilities(clients=False, wire=wire("")))]


async def run(name: str, kind: type[UnixTransport], folder: str) -> None:
    by_name = {check.__name__: check for check in checks(Capabilities(clients=False, wire=wire(folder)))}
    await by_name[name](opening(kind, folder))


@pytest.mark.parametrize("name", NAMES)
async def test_conformance(name: str, folder: str) -> None:
    await run(name, UnixTransport, folder)


@pytest.mark.parametrize("mutant", CAUGHT_BY)
async def test_each_bug_is_caught_by_the_check_that_is_there_for_it(
    mutant: type[UnixTransport], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "PATIENCE", 2.0)
    with pytest.raises(AssertionError, match=r"\w+ \w+"):
        await run(CAUGHT_BY[mutant], mutant, folder)


def test_every_bug_is_tried() -> None:
    assert mutants_in(UnixTransport, mutants) == CAUGHT_BY.keys()


async def test_two_nodes_form_a_cluster_over_it(folder: str) -> None:
    config = CastyConfig(cluster=ClusterConfig(transport="unix", transport_options={"folder": folder}))
    arguments: dict[str, Any] = {"name": "c", "config": config, "plugins": [transport], "cookie": "s" * 32}
    seeds = [("node", 1)]
    async with (
        ClusteredActorSystem(host="node", port=1, seed_nodes=seeds, **arguments) as one,
        ClusteredActorSystem(host="node", port=2, seed_nodes=seeds, **arguments),
    ):
        await one.wait_for(2)
