"""What a client may reach is configured, and it learns nothing of the rest."""

import pytest
from casty import (
    Behaviors,
)
from casty.errors import (
    ClientRefusedError,
    NoContactError,
)

from tests.cluster.client.scene import WORKERS, Scene, Where, allowing, cluster
from tests.cluster.system.actors import Identify, answering
from tests.cluster.system.waiting import until


async def test_a_client_reaches_only_what_is_allowed_and_learns_nothing_of_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene()
    async with cluster(1, scene, config=allowing("loc.*")) as nodes, nodes.client() as client:
        address = nodes[0].self_node.address
        assert await client.actor("/local").ask(Where()) == "node-1"
        for path in ("/single", "/absent"):
            refused = f"{address} refuses a client: clients may not reach {path}, see .cluster.clients. allow"
            with pytest.raises(ClientRefusedError, match=refused):
                await client.actor(path).ask(Where())
        client.actor("/slow").tell("in vain")
        with pytest.raises(ClientRefusedError, match="lets clients look up neither 'workers' nor an actor of it"):
            await client.lookup(WORKERS)
        assert scene.kept == []
    assert len([record for record in caplog.records if "is dropped, and further ones" in record.getMessage()]) == 1


async def test_a_service_is_allowed_by_its_key_and_its_actors_with_it() -> None:
    async with cluster(2, config=allowing("workers")) as nodes, nodes.client() as client:
        listing = await client.lookup(WORKERS)
        assert sorted([await client.ask(instance.ref, Identify) for instance in listing.instances]) == [
            "node-1",
            "node-2",
        ]
        with pytest.raises(ClientRefusedError):
            await client.actor("/local").ask(Where())


async def test_a_look_up_hides_the_actors_that_are_not_allowed() -> None:
    async with cluster(1, config=allowing("visible")) as nodes, nodes.client() as client:
        nodes[0].spawn(Behaviors.discoverable(answering("visible"), WORKERS), "visible")
        await until(lambda: len(nodes[0].lookup(WORKERS).instances) == 2)
        (instance,) = (await client.lookup(WORKERS)).instances
        assert await client.ask(instance.ref, Identify) == "visible"


async def test_a_node_that_allows_nothing_accepts_no_client() -> None:
    async with cluster(1, config=allowing()) as nodes:
        with pytest.raises(NoContactError, match="the node accepts no clients"):
            await nodes.client().__aenter__()
