"""How a client finds its cluster, and what it reports if it does not."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from casty import (
    ActorAddress,
)
from casty.cluster import ClusterClient, ClusteredActorSystem
from casty.errors import (
    ActorStoppedError,
    ArgumentError,
    ConfigError,
    NoContactError,
)
from casty_transport_tcp.options import TcpOptions

from tests.cluster.client.scene import WORKERS, Scene, cluster
from tests.cluster.system.actors import Identify

COOKIE: Final = "a cookie of the nodes of this cluster"


@asynccontextmanager
async def tcp_node(**settings: Any) -> AsyncGenerator[ClusteredActorSystem]:
    async with ClusteredActorSystem(name="shop", host="127.0.0.1", port=0, **settings) as system:
        Scene().populate(system)
        yield system


async def test_a_client_with_another_cookie_is_rejected_at_once_by_name() -> None:
    async with tcp_node(cookie=COOKIE) as system:
        address = system.self_node.address
        for cookie in (None, "another cookie than that of the nodes"):
            client = ClusterClient(contact_points=[address], system_name="shop", cookie=cookie, connect_timeout=60.0)
            with pytest.raises(NoContactError, match=f"{address} .*share no cookie"):
                await client.__aenter__()
        async with ClusterClient(contact_points=[address], system_name="shop", cookie=COOKIE) as client:
            assert await client.ask(client.actor("/single"), Identify) == str(address)


async def test_a_client_of_another_cluster_is_rejected_at_once_by_name() -> None:
    async with tcp_node() as system:
        client = ClusterClient(contact_points=[system.self_node.address], system_name="warehouse")
        with pytest.raises(NoContactError, match=r"belongs to 'warehouse', this node to 'shop'|different clusters"):
            await client.__aenter__()


async def test_no_contact_point_answers_and_each_is_named_with_its_failure() -> None:
    client = ClusterClient(
        contact_points=["127.0.0.1:1", ("no-such-host.invalid", 25520)], system_name="shop", connect_timeout=1.0
    )
    with pytest.raises(NoContactError) as raised:
        await client.__aenter__()
    assert "127.0.0.1:1 (no node can be reached there" in str(raised.value)
    assert "abandoned after 1 s" in str(raised.value)


async def test_a_client_connects_where_the_address_map_says() -> None:
    """The node advertises an address at which nothing listens here."""
    async with tcp_node(bind_host="127.0.0.1", advertised_host="10.99.0.1") as system:
        advertised = system.self_node.address
        reached = ("127.0.0.1", advertised.port)
        for point in (reached, advertised):
            client = ClusterClient(contact_points=[point], system_name="shop", address_map={advertised: reached})
            async with client:
                (worker,) = (await client.lookup(WORKERS)).instances
                assert worker.ref.address.host == "10.99.0.1"
                assert await client.ask(worker.ref, Identify) == str(advertised)


async def test_an_address_map_that_is_the_wrong_way_round_is_an_error_that_says_so() -> None:
    async with tcp_node(bind_host="127.0.0.1", advertised_host="10.99.0.1") as system:
        advertised = system.self_node.address
        reached = ("127.0.0.1", advertised.port)
        client = ClusterClient(
            contact_points=[reached, ("127.0.0.1", 1)], system_name="shop", address_map={("127.0.0.1", 1): advertised}
        )
        with pytest.raises(ConfigError, match=f"the wrong way round: {advertised} is what a node advertises"):
            await client.__aenter__()


async def test_an_actor_of_a_node_that_cannot_be_reached_fails_the_ask_before_its_timeout() -> None:
    async with tcp_node() as system, tcp_client(system) as client:
        gone = system.self_node.address._replace(port=1)
        ref = client.resolve(ActorAddress.from_uri(f"casty://shop@{gone}/worker#7"))
        loop = asyncio.get_running_loop()
        begun = loop.time()
        with pytest.raises(ActorStoppedError, match=f"{gone} cannot answer: no node can be reached there"):
            await client.ask(ref, Identify, timeout=60.0)
        assert loop.time() - begun < TcpOptions().give_up_after, "the ask has waited for further attempts"


def tcp_client(system: ClusteredActorSystem) -> ClusterClient:
    return ClusterClient(contact_points=[system.self_node.address], system_name="shop")


BAD: Final[dict[str, tuple[Callable[[], object], type[Exception], str]]] = {
    "no contact points": (lambda: ClusterClient(contact_points=[]), ConfigError, "at least one contact point"),
    "a contact point that is no address": (
        lambda: ClusterClient(contact_points=["nowhere"]),
        ConfigError,
        "'nowhere' is no contact point; write",
    ),
    "port 0": (lambda: ClusterClient(contact_points=[("127.0.0.1", 0)]), ConfigError, "is no contact point"),
    "an address twice": (
        lambda: ClusterClient(contact_points=["a:1"], address_map={"a:1": "x:1", "b:1": "x:1"}),
        ConfigError,
        "address_map has an address twice",
    ),
    "a name with a space": (lambda: ClusterClient(contact_points=["a:1"], name="a b"), ConfigError, "not 'a b'"),
    "a short cookie": (lambda: ClusterClient(contact_points=["a:1"], cookie="x"), ConfigError, "at least 16 bytes"),
    "no time to connect": (lambda: ClusterClient(contact_points=["a:1"], connect_timeout=0), ArgumentError, "connect_"),
}


@pytest.mark.parametrize("name", BAD)
def test_impossible_settings_are_refused_by_name(name: str) -> None:
    make, kind, text = BAD[name]
    with pytest.raises(kind, match=text):
        make()


async def test_impossible_arguments_are_refused_by_name() -> None:
    async with cluster(1) as nodes, nodes.client() as client:
        with pytest.raises(ArgumentError, match="a path is written like '/orders', not 'orders'"):
            client.actor("orders")
        with pytest.raises(ArgumentError, match="timeout of lookup"):
            await client.lookup(WORKERS, timeout=-1.0)
        with pytest.raises(ArgumentError, match="lookup takes a ServiceKey"):
            await client.lookup("workers")  # pyright: ignore[reportArgumentType]  # that is what is tested


async def test_a_node_that_is_not_up_yet_accepts_no_client() -> None:
    """It would let asks fail that another node replies to."""
    async with tcp_node(seed_nodes=[("127.0.0.1", 1)]) as system:
        address = system.self_node.address
        client = ClusterClient(contact_points=[address], system_name="shop", connect_timeout=0.5)
        with pytest.raises(NoContactError, match=f"{address} .the node is not up in its cluster, or about to leave it"):
            await client.__aenter__()
