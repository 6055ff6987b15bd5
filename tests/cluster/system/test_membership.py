"""What a node sees of its cluster, and how it comes and goes."""

import asyncio
from contextlib import suppress

import pytest
from casty import (
    ActorContext,
    ActorStoppedError,
    Behavior,
    Behaviors,
    CastyConfig,
    MemberLeft,
    MemberUp,
    load_config,
)
from casty.cluster import ClusteredActorSystem
from casty.config import SystemConfig
from casty.errors import ConfigError, JoinError, ScopeError
from casty.member import MemberStatus
from casty.testing import TestProbe
from casty_cluster import DevelopmentCluster

from tests.cluster.system.actors import Identify, answering
from tests.cluster.system.waiting import until


async def test_a_node_without_seed_nodes_begins_a_cluster_of_its_own() -> None:
    async with ClusteredActorSystem(name="alone", host="127.0.0.1", port=0) as node:
        assert node.self_node.status is MemberStatus.up
        assert node.members == (node.self_node,)
        state = node.get_cluster_state()
        assert state is not None
        assert state.leader == node.self_node.node


async def test_each_arrival_and_departure_is_one_event() -> None:
    async with DevelopmentCluster(1) as cluster:
        seen: list[tuple[str, str]] = []
        first = cluster[0]
        first.event_stream.subscribe(MemberUp, lambda event: seen.append(("up", event.member.node_id)))
        first.event_stream.subscribe(MemberLeft, lambda event: seen.append(("left", event.member.node_id)))
        second = await cluster.add_node()
        await second.leave()
        await until(lambda: len(first.members) == 1)
        assert seen == [("up", "node-2"), ("left", "node-2")]


async def test_actors_of_another_member_are_looked_up_by_its_name() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        second.spawn(answering("worker"), "worker")
        by_name, by_node = (first.lookup("/worker", node=n) for n in ("node-2", second.self_node.node))
        assert by_name is not None
        assert by_name == by_node
        assert await first.ask(by_name, Identify) == "worker"
        assert first.lookup("/worker", node="absent") is None
        assert first.lookup("/worker", node="node-1") is None
        nothing = first.lookup("/nothing", node="node-2")
        assert nothing is not None
        with pytest.raises(ActorStoppedError):
            await first.ask(nothing, Identify, timeout=50.0)


async def test_a_quorum_that_is_not_reached_is_an_error_that_leaves_nothing_behind() -> None:
    with pytest.raises(JoinError, match=r"1 members are up after 0\.05 s, and 2 are wanted"):
        async with ClusteredActorSystem(name="q", host="127.0.0.1", port=0, required_quorum=2, quorum_timeout=0.05):
            pytest.fail("it must not be entered")


async def test_waiting_for_more_members_than_come_says_how_many_there_are() -> None:
    async with DevelopmentCluster(1) as cluster:
        with pytest.raises(TimeoutError, match=r"1 members are up after 0\.01 s, and 3 are wanted"):
            await cluster[0].wait_for(3, timeout=0.01)


async def test_a_name_that_another_member_has_is_refused() -> None:
    async with DevelopmentCluster(1) as cluster:
        with pytest.raises(JoinError, match="node-1"):
            await cluster.add_node(node_id="node-1", required_quorum=2, quorum_timeout=0.3)


async def test_a_node_that_is_configured_otherwise_is_refused_with_both_values() -> None:
    async with DevelopmentCluster(1) as cluster:
        with pytest.raises(JoinError, match="down-all") as refused:
            await cluster.add_node(downing="down-all", required_quorum=2, quorum_timeout=0.3)
        assert "keep-majority" in str(refused.value)


async def test_systems_of_different_names_are_never_one_cluster() -> None:
    """B25."""
    async with ClusteredActorSystem(name="one", host="127.0.0.1", port=0) as one:
        with pytest.raises(JoinError):
            async with ClusteredActorSystem(
                name="other",
                host="127.0.0.1",
                port=0,
                seed_nodes=[one.self_node.address],
                required_quorum=1,
                quorum_timeout=0.5,
            ):
                pytest.fail("it must not be admitted")
        assert len(one.members) == 1


@pytest.mark.parametrize("seed", ["nonsense", "host:", ("h", 0), ("h", 70_000)])
def test_a_seed_node_that_is_no_address_is_refused(seed: str | tuple[str, int]) -> None:
    with pytest.raises(ConfigError, match="is no seed node"):
        ClusteredActorSystem(name="x", host="127.0.0.1", port=0, seed_nodes=[seed])


def test_a_short_cookie_is_refused_and_never_shown() -> None:
    with pytest.raises(ConfigError, match="at least 16 bytes") as refused:
        ClusteredActorSystem(name="x", cookie="hunter2")
    assert "hunter2" not in str(refused.value)


async def test_a_node_that_listens_beyond_this_machine_needs_a_secret() -> None:
    with pytest.raises(Exception, match="cookie"):
        async with ClusteredActorSystem(name="x", host="0.0.0.0", advertised_host="127.0.0.1", port=0):
            pytest.fail("it must not listen")
    async with ClusteredActorSystem(name="x", host="0.0.0.0", advertised_host="127.0.0.1", port=0, cookie="s" * 32):
        pass


async def test_a_node_leaves_though_a_handler_ignores_its_cancellation() -> None:
    gate, ended = asyncio.Event(), asyncio.Event()

    async def stubborn(_ctx: ActorContext[str], _message: str) -> Behavior[str]:
        while not gate.is_set():
            with suppress(asyncio.CancelledError):
                await gate.wait()
        ended.set()
        return Behaviors.same()

    config = CastyConfig(system=SystemConfig(stop_timeout=0.05))
    async with DevelopmentCluster(2, config=config) as cluster:
        staying, leaving = cluster
        leaving.spawn(Behaviors.receive(stubborn)).tell("x")
        await asyncio.sleep(0)
        await leaving.leave()
        assert [member.node_id for member in staying.members] == ["node-1"]
    gate.set()
    await ended.wait()


async def test_the_configuration_makes_a_node() -> None:
    config = load_config(None)
    async with ClusteredActorSystem.from_config(config, host="127.0.0.1", port=0, roles=["worker"]) as node:
        assert node.self_node.roles == ("worker",)


async def test_what_is_the_clusters_is_nobodys_child() -> None:
    async with DevelopmentCluster(1) as cluster:
        node = cluster[0]
        probe = TestProbe[str](node)

        async def setup(ctx: ActorContext[object]) -> Behavior[object]:
            try:
                ctx.spawn(Behaviors.singleton(Behaviors.ignore), "single")
            except ScopeError as error:
                probe.ref.tell(str(error))
            return Behaviors.ignore()

        node.spawn(Behaviors.setup(setup))
        assert "spawn it with system.spawn()" in await probe.receive()


async def test_a_node_can_be_added_after_one_has_left() -> None:
    async with DevelopmentCluster(2) as cluster:
        await cluster[1].leave()
        third = await cluster.add_node()
        assert [member.node_id for member in third.members] == ["node-1", "node-3"]
        assert len(cluster) == 2
