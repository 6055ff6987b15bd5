"""A feature at work: it starts before its node joins, follows the views in order, and fails alone."""

import asyncio
from typing import Any

import pytest
from casty import ActorNameError, Behaviors, NodeDowned, ServiceKey
from casty.errors import JoinError, PluginError, SystemStoppedError
from casty.member import ClusterState, NodeId
from casty.spi.cluster_feature import ClusterNode
from casty_cluster import ClusteredActorSystem, DevelopmentCluster

from tests.cluster.features.recording import TABLE, Features, Note, Recording
from tests.cluster.system.actors import Identify, answering
from tests.cluster.system.waiting import until


async def test_a_feature_that_does_not_start_keeps_the_node_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("casty_cluster.features.features.START_TIMEOUT", 0.01)

    async def fail() -> None:
        raise RuntimeError("no licence")

    async def cancel() -> None:
        raise asyncio.CancelledError

    for at_start, fault in (
        (fail, r"failed to start: RuntimeError\('no licence'\)"),
        (cancel, "failed to start: CancelledError"),
        (asyncio.Event().wait, r"did not start within 0.01 s"),
    ):
        seen: list[Any] = []
        plugin = Features(
            good=lambda node, seen=seen: Recording(node, "good", seen),
            bad=lambda node, seen=seen, at_start=at_start: Recording(node, "bad", seen, at_start=at_start),
            late=lambda node, seen=seen: Recording(node, "late", seen),
        )
        with pytest.raises(PluginError, match=rf"the cluster feature 'bad' of .* {fault}"):
            async with DevelopmentCluster(1, plugins=[plugin]):
                pytest.fail("it must not start")
        phases = ["start", "stop_accepting", "hand_off", "stop_actors", "leave", "close"]
        assert [entry for entry in seen if entry != ("bad", "start")] == [("good", phase) for phase in phases]


async def test_every_feature_sees_all_views_in_order_whatever_another_one_does() -> None:
    def retire(node: ClusterNode, retired: list[bool]) -> None:
        """Cause a view while one is being shown."""
        if node.view is not None and len(node.view.up) == 2 and not retired:
            retired.append(True)
            cluster[0].node.retire()

    def fail(_: ClusterState | None) -> None:
        raise ValueError("what now")

    retired: list[bool] = []
    plugin = Features(
        bad=lambda node: Recording(node, at_view=fail),
        early=lambda node: Recording(node, at_view=lambda _: retire(node, retired)),
        late=Recording,
    )
    cluster = DevelopmentCluster(1, plugins=[plugin])
    async with cluster:
        await cluster.add_node(plugins=[])
        early, late, bad = (views(plugin.made[name][0]) for name in ("early", "late", "bad"))
        assert early == late == bad
        assert [len(view.up) for view in early] == sorted(len(view.up) for view in early)
        assert not early[0].retiring
        assert early[-1].retiring
    assert plugin.made["late"][0].seen.count(None) == 1, "once it has left"


def views(feature: Recording) -> list[Any]:
    return [entry for entry in feature.seen if isinstance(entry, ClusterState)]


async def test_a_failure_at_a_view_or_a_message_is_logged_with_the_features_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    taken: list[Note] = []

    def receive(_: NodeId, note: Note) -> None:
        taken.append(note)
        raise BaseExceptionGroup("odd", [GeneratorExit()])

    def fail(_: ClusterState | None) -> None:
        raise ValueError("what now")

    plugin = Features(
        bad=lambda node: Recording(node, receive=receive, at_view=fail),
    )
    async with DevelopmentCluster(2, plugins=[plugin]) as (first, second):
        sender = plugin.made["bad"][0].node
        for text in ("one", "two"):
            sender.send(second.self_node.node, Note(text))
        await until(lambda: len(taken) == 2)
        assert taken == [Note("one"), Note("two")], "in order, and the link has survived the failure"
        assert len(first.members) == 2
    assert "the cluster feature 'bad' of (code):plugins[1] failed at a view of the cluster: ValueError" in caplog.text
    assert "the cluster feature 'bad' of (code):plugins[1] failed at a Note: BaseExceptionGroup" in caplog.text


async def test_a_feature_may_run_a_singleton_of_its_own() -> None:
    def coordinated(node: ClusterNode) -> Recording:
        async def start() -> None:
            with pytest.raises(ActorNameError, match="'_coordinator' cannot name a SingletonBehavior"):
                node.spawn(Behaviors.singleton(lambda: answering("?")), "_coordinator")
            node.spawn(Behaviors.singleton(lambda: answering(node.local.node_id)), "coordinator")

        return Recording(node, at_start=start)

    async with DevelopmentCluster(2, plugins=[Features(coordinated=coordinated)]) as (first, second):
        for node in (first, second):
            ref = node.lookup("/coordinator")
            assert ref is not None
            assert await node.ask(ref, Identify) == "node-1"


async def test_actors_of_users_that_a_feature_runs_restart_when_the_node_is_downed() -> None:
    begun: list[str] = []

    def noting(name: str) -> Any:
        async def begin(_: Any) -> None:
            begun.append(name)

        return Behaviors.with_lifecycle(answering(name), pre_start=begin)

    def running(node: ClusterNode) -> Recording:
        async def start() -> None:
            node.spawn(noting("the user's"), "_users", restarts_when_downed=True)
            node.spawn(noting("its own"), "its-own")

        return Recording(node, at_start=start)

    plugin = Features(running=running)
    async with DevelopmentCluster(2, plugins=[plugin]) as (first, second):
        downed: asyncio.Future[NodeDowned] = asyncio.get_running_loop().create_future()
        first.event_stream.subscribe(NodeDowned, downed.set_result)
        first.spawn(noting("another user's"), "users")
        await until(lambda: len(begun) == 5)
        begun.clear()
        before = first.self_node
        second.node.down(before.node)
        await downed
        await until(lambda: len(begun) == 2)
        assert sorted(begun) == ["another user's", "the user's"]
        feature: Recording = plugin.made["running"][0]
        await until(lambda: feature.node.view is not None and feature.node.local.node != before.node)
        assert None in feature.seen
        assert views(feature)[-1].local == first.self_node.node


async def test_outside_of_async_with_the_services_of_the_cluster_raise_what_everything_else_raises() -> None:
    node = ClusteredActorSystem(name="x", host="127.0.0.1", port=0)

    def services() -> None:
        for use in (lambda: node.receptionist, lambda: node.lookup(ServiceKey[Any]("k")), lambda: node.features):
            with pytest.raises(SystemStoppedError, match="'x' is not running"):
                use()

    services()
    async with node:
        assert node.receptionist is not None
        assert node.lookup(ServiceKey[Any]("k")).instances == ()
    services()


async def test_before_it_listens_they_say_so() -> None:
    async with DevelopmentCluster(1) as [node]:
        node._features = None
        with pytest.raises(JoinError, match="does not listen yet"):
            _ = node.features


async def test_a_feature_sends_large_states_to_its_counterparts() -> None:
    taken: list[tuple[NodeId, bytes]] = []
    plugin = Features(
        tables=lambda node: Recording(node, take=lambda sender, data: taken.append((sender, bytes(data))))
    )
    async with DevelopmentCluster(2, plugins=[plugin]) as cluster:
        first, second = cluster
        table = bytes(range(256)) * 4_000
        recording = first.features.find(Recording)
        await recording.node.send_bulk(second.self_node.node, TABLE, table)
        assert taken == [(first.self_node.node, table)]
