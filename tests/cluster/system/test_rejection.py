"""A node that is rejected for good ends where its program can see it, and does not live on in no cluster."""

import asyncio

import pytest
from casty import NodeRejected, load_config
from casty.cluster import ClusteredActorSystem
from casty.errors import JoinError
from casty_cluster import DevelopmentCluster


async def test_async_with_raises_what_the_cluster_has_answered() -> None:
    async with DevelopmentCluster(1) as cluster:
        with pytest.raises(JoinError, match=r"node-1:\d+ claims: downing strategy is down-all at this node"):
            async with joining(cluster):
                await asyncio.Event().wait()
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling(), "the program goes on after it"
        assert len(cluster[0].members) == 1


async def test_a_program_that_waits_for_members_gets_the_error_there() -> None:
    async with DevelopmentCluster(1) as cluster:
        caught: list[JoinError] = []

        async def program() -> None:
            async with joining(cluster) as node:
                try:
                    await node.wait_for(2)
                except JoinError as error:
                    caught.append(error)
                    raise

        with pytest.raises(JoinError) as raised:
            await program()
        assert caught == [raised.value]


async def test_an_error_of_the_program_is_not_hidden() -> None:
    async with DevelopmentCluster(1) as cluster:

        async def program() -> None:
            async with joining(cluster):
                try:
                    await asyncio.Event().wait()
                finally:
                    raise KeyError("the program's own")

        with pytest.raises(KeyError):
            await program()


async def test_a_node_that_stays_publishes_the_event_and_fails_pending_waits_with_the_reason() -> None:
    async with DevelopmentCluster(1) as cluster, joining(cluster, when_rejected="stay") as node:
        rejected: asyncio.Future[NodeRejected] = asyncio.get_running_loop().create_future()
        node.event_stream.subscribe(NodeRejected, rejected.set_result)
        assert "down-all" in (await rejected).reason
        with pytest.raises(JoinError, match="down-all"):
            await node.wait_for(1)
        assert node.members == ()
        assert await asyncio.sleep(0, "it goes on") == "it goes on"


def test_it_is_a_setting() -> None:
    assert load_config(None).cluster.when_rejected.value == "exit"
    with pytest.raises(ValueError, match="often"):
        ClusteredActorSystem(name="x", when_rejected="often")  # pyright: ignore[reportArgumentType] (on purpose)


def joining(cluster: DevelopmentCluster, **settings: object) -> ClusteredActorSystem:
    """A node of that cluster that is configured otherwise."""
    first = cluster[0]
    arguments = {"when_rejected": "exit", **settings}
    return ClusteredActorSystem(
        name=first.name,
        host="stranger",
        port=0,
        seed_nodes=[first.self_node.address],
        transport="switchboard",
        plugins=[cluster._board],  # pyright: ignore[reportPrivateUsage] (the network that the cluster is on)
        downing="down-all",
        **arguments,  # pyright: ignore[reportArgumentType] (what the tests give is right)
    )
