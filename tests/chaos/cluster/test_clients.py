"""A client of real processes, with certificates and a cookie: nodes are killed, and restarted one after the other."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from casty import ActorRef
from casty.cluster import ClusterClient
from casty.errors import CastyError, NoContactError, NodeLostError
from trustme import CA

from tests.chaos.cluster import entity_node
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.direct import DirectNetwork
from tests.chaos.cluster.network import HOST
from tests.chaos.cluster.node import Where
from tests.chaos.cluster.test_tls import COOKIE, OTHER, settings
from tests.transport_tcp.certificates import Files, written

PATIENCE = 60.0
"""Seconds that anything may take on a busy machine."""
ENTITIES = 8


class Using:
    """A client, and how the asks went that it makes without a pause."""

    def __init__(self, client: ClusterClient) -> None:
        self.client = client
        self.replies = 0
        self.places: set[str] = set()
        self.failures: list[Exception] = []
        self.is_over = False

    async def use(self, ref: ActorRef[Where]) -> None:
        while not self.is_over:
            try:
                self.places.add(await self.client.ask(ref, Where, timeout=PATIENCE))
                self.replies += 1
            except (CastyError, TimeoutError) as error:
                self.failures.append(error)
            await asyncio.sleep(0.01)

    async def more(self, number: int = 20) -> None:
        """Wait for so many replies more."""
        wanted = self.replies + number
        async with asyncio.timeout(PATIENCE):
            while self.replies < wanted:  # noqa: ASYNC110 - the asks are made by tasks of this process
                await asyncio.sleep(0.01)


@asynccontextmanager
async def using(cluster: Cluster, files: Files) -> AsyncGenerator[Using]:
    points = [(HOST, cluster.network.port(name)) for name in ("n1", "n2", "n3")]
    async with ClusterClient(
        contact_points=points, system_name="chaos", tls=files.config, cookie=COOKIE, connect_timeout=PATIENCE
    ) as client:
        state = Using(client)
        async with asyncio.TaskGroup() as group:
            for ref in (
                *(client.actor(path) for path in ("/echo", "/single")),
                *(client.entity_ref(entity_node.REGION, str(number)) for number in range(ENTITIES)),
            ):
                group.create_task(state.use(ref))
            try:
                yield state
            finally:
                state.is_over = True


def three(folder: Path, files: Files) -> AbstractAsyncContextManager[Cluster]:
    """Nodes with an actor each, a singleton and entities."""
    return Cluster.of(3, folder, network=DirectNetwork, program=entity_node.__name__, **settings(files))


def name_of(cluster: Cluster, client: ClusterClient) -> str:
    contact = client.contact
    assert contact is not None
    return next(name for name in ("n1", "n2", "n3") if cluster.network.port(name) == contact.port)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return written(tmp_path_factory.mktemp("certificates"), authority=CA())


async def test_a_client_survives_the_kill_of_its_contact(tmp_path: Path, files: Files) -> None:
    async with three(tmp_path, files) as cluster, using(cluster, files) as its:
        await its.more()
        killed = name_of(cluster, its.client)
        await cluster[killed].kill()
        await its.more()
        assert name_of(cluster, its.client) != killed
        assert all(isinstance(failure, NodeLostError) for failure in its.failures)
        assert len(its.failures) <= ENTITIES + 2, "only what was under way may fail"


async def test_a_rolling_restart_of_all_processes_fails_no_ask_of_a_client(tmp_path: Path, files: Files) -> None:
    async with three(tmp_path, files) as cluster, using(cluster, files) as its:
        for name in ("n1", "n2", "n3"):
            await its.more()
            cluster[name].signal(signal.SIGTERM)
            await asyncio.wait_for(cluster[name].ended(), PATIENCE)
            await its.more()
            await cluster.start(name)
            await cluster.is_one(PATIENCE)
        await its.more()
        assert its.failures == []


async def test_a_client_without_the_certificate_or_the_cookie_is_rejected_and_the_secret_is_in_no_log(
    tmp_path: Path, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    async with Cluster.of(1, tmp_path, network=DirectNetwork, **settings(files)) as cluster:
        points = [(HOST, cluster.network.port("n1"))]
        stranger = written(tmp_path / "stranger", authority=CA())
        wrong = {
            "cookie": ClusterClient(contact_points=points, system_name="chaos", tls=files.config, cookie=OTHER),
            "certificate": ClusterClient(
                contact_points=points, system_name="chaos", tls=stranger.config, cookie=COOKIE
            ),
            "TLS": ClusterClient(
                contact_points=points, system_name="chaos", cookie=COOKIE, transport="tcp", connect_timeout=2.0
            ),
        }
        for what, client in wrong.items():
            with pytest.raises(NoContactError, match=f"{HOST}:{points[0][1]}") as raised:
                await client.__aenter__()
            assert OTHER not in str(raised.value), what
            assert COOKIE not in str(raised.value), what
        logs = caplog.text + cluster["n1"].log.read_text()
        assert COOKIE not in logs
        assert OTHER not in logs
