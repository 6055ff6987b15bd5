"""A cluster feature of a third party, over nodes with real sockets: one file, and one plugin in the list."""

from typing import Any

import pytest
from casty import ActorSystem, Behaviors, CastyConfig
from casty.config.schema import ClusterConfig
from casty.errors import PluginError, ScopeError
from casty.testing import TestProbe
from casty_cluster import ClusteredActorSystem

from tests.plugins.greetings import feature
from tests.plugins.greetings.feature import Goodbye, GreetedBehavior, Hello


def node(name: str, *, seeds: list[str], plugins: list[object] | None = None, **options: object) -> Any:
    config = CastyConfig(cluster=ClusterConfig(features={"greetings": options} if options else {}))
    return ClusteredActorSystem(
        name="greeted",
        host="127.0.0.1",
        port=0,
        node_id=name,
        seed_nodes=seeds,
        config=config,
        plugins=[feature] if plugins is None else plugins,
    )


def greeted(system: ClusteredActorSystem) -> TestProbe[Any]:
    """A probe for what the greeted actor of a node receives."""
    probe = TestProbe[Any](system)
    system.spawn(GreetedBehavior(Behaviors.receive(_forward_to(probe))), "greeted")
    return probe


def _forward_to(probe: TestProbe[Any]) -> Any:
    async def forward(_: Any, message: Any) -> Any:
        probe.ref.tell(message)
        return Behaviors.same()

    return forward


async def test_a_feature_runs_its_behavior_sends_its_messages_and_has_a_part_in_the_shutdown() -> None:
    async with node("first", seeds=[]) as first:
        from_first = greeted(first)
        seed = str(first.self_node.node.address)
        async with node("second", seeds=[seed], phrase="you know") as second:
            greeted_here = second.spawn(GreetedBehavior(Behaviors.ignore()), "greeted")
            assert second.lookup("/greeted") is greeted_here
            assert await from_first.receive() == Hello("you know second")
        assert await from_first.receive() == Goodbye("you know second")


async def test_a_node_without_the_feature_is_a_member_all_the_same() -> None:
    async with node("first", seeds=[]) as first:
        seed = str(first.self_node.node.address)
        async with node("second", seeds=[seed], plugins=[]) as second:
            await second.wait_for(2)
            with pytest.raises(ScopeError, match="no cluster feature of this node runs a GreetedBehavior"):
                second.spawn(GreetedBehavior(Behaviors.ignore()), "greeted")
            assert len(first.members) == 2


async def test_its_behavior_needs_a_cluster_and_belongs_to_the_whole_of_it() -> None:
    async with ActorSystem() as local:
        with pytest.raises(ScopeError, match="a greeted behavior needs a ClusteredActorSystem"):
            local.spawn(GreetedBehavior(Behaviors.ignore()), "greeted")


async def test_its_options_are_checked_at_the_start() -> None:
    with pytest.raises(PluginError, match="'greetings' has no option 'phrases'; did you mean 'phrase'"):
        async with node("first", seeds=[], phrases="hello"):
            pytest.fail("it must not start")


async def test_options_of_a_feature_that_is_not_there_are_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    async with node("first", seeds=[], plugins=[], phrase="hello"):
        pass
    assert "[cluster.features.greetings] is of no use" in caplog.text
