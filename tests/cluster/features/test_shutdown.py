"""The phases of a shutdown: in order, each with every feature, and none of them without an end."""

import asyncio
from typing import Any

import pytest
from casty import Behaviors
from casty.member import MemberStatus
from casty.spi.cluster_feature import ClusterNode, ShutdownPhase, ShutdownTask
from casty_cluster import ClusteredActorSystem, DevelopmentCluster

from tests.cluster.features.recording import Features, Recording
from tests.cluster.system.actors import answering
from tests.cluster.system.waiting import until
from tests.core.runtime.stubborn import hasty_config, stubborn

PHASES = ["stop_accepting", "hand_off", "stop_actors", "leave", "close"]


async def test_a_phase_ends_with_the_last_feature_and_the_next_one_begins_with_all() -> None:
    seen: list[Any] = []
    goes_on = asyncio.Event()

    async def wait() -> None:
        await goes_on.wait()
        seen.append(("slow", "hand_off"))

    plugin = Features(
        slow=lambda node: Recording(node, "slow", seen, tasks={ShutdownPhase.hand_off: ShutdownTask(wait, 60.0)}),
        quick=lambda node: Recording(node, "quick", seen),
    )
    async with DevelopmentCluster(1, plugins=[plugin]) as [node]:
        seen.clear()
        leaving = asyncio.ensure_future(node.leave())
        await until(lambda: ("quick", "hand_off") in seen)
        assert phases(seen) == [*[(name, "stop_accepting") for name in ("slow", "quick")], ("quick", "hand_off")]
        goes_on.set()
        await leaving
    assert [phase for _, phase in phases(seen)] == [phase for phase in PHASES for _ in range(2)]


def phases(seen: list[Any]) -> list[tuple[str, str]]:
    return [entry for entry in seen if isinstance(entry, tuple)]


async def test_each_phase_finds_the_node_as_the_contract_says() -> None:
    found: dict[str, Any] = {}

    def looking(node: ClusterNode) -> Recording:
        def look(phase: ShutdownPhase) -> ShutdownTask:
            async def look() -> None:
                found[phase.value] = (
                    node.view is not None and node.local.node in node.view.retiring,
                    first.lookup("/user") is not None,
                    first.lookup("/_own") is not None,
                    {member.status for member in second.members if member.node == node.local.node},
                )

            return ShutdownTask(look)

        async def start() -> None:
            node.spawn(answering("own"), "_own")

        return Recording(node, at_start=start, tasks={phase: look(phase) for phase in ShutdownPhase})

    async with DevelopmentCluster(1, plugins=[Features(looking=looking)]) as cluster:
        first = cluster[0]
        second = await cluster.add_node(plugins=[])
        first.spawn(answering("user"), "user")
        await first.leave()
    up: set[Any] = {MemberStatus.up}
    assert found == {
        "stop_accepting": (False, True, True, up),
        "hand_off": (True, True, True, up),
        "stop_actors": (True, False, True, up),
        "leave": (True, False, True, up),
        "close": (False, False, True, set()),
    }


async def test_a_part_that_fails_or_does_not_end_is_named_and_the_node_leaves_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail() -> None:
        raise SyntaxError("no idea")

    async def cancel() -> None:
        raise asyncio.CancelledError

    def bad(node: ClusterNode) -> Recording:
        tasks = {
            ShutdownPhase.stop_accepting: ShutdownTask(fail),
            ShutdownPhase.hand_off: ShutdownTask(asyncio.Event().wait, 0.01),
            ShutdownPhase.stop_actors: ShutdownTask(cancel),
            ShutdownPhase.leave: ShutdownTask(code.wait, 0.01),
            ShutdownPhase.close: ShutdownTask(lambda: None),  # pyright: ignore[reportArgumentType]  # nonsense
        }
        return Recording(node, tasks=tasks)

    seen: list[Any] = []
    plugin = Features(bad=bad, good=lambda node: Recording(node, "good", seen))
    async with stubborn() as code, DevelopmentCluster(1) as cluster:
        leaver = await cluster.add_node(plugins=[plugin], config=hasty_config())
        await leaver.leave()
        assert len(cluster[0].members) == 1
    assert [phase for _, phase in phases(seen)] == ["start", *PHASES]
    lines = [record.getMessage() for record in caplog.records if "'bad' of" in record.getMessage()]
    for phase, fault in {
        "stop_accepting": "failed; the shutdown goes on: SyntaxError('no idea')",
        "hand_off": "has not ended after 0.01 s and is cancelled",
        "stop_actors": "failed; the shutdown goes on: CancelledError()",
        "leave": "has ignored its cancellation for",
        "close": "failed; the shutdown goes on: TypeError",
    }.items():
        title = f"the cluster feature 'bad' of (code):plugins[1], in the shutdown phase {phase}, "
        assert [line for line in lines if line.startswith(title + fault)], f"{phase}: {lines}"


async def test_singletons_that_are_not_handed_over_in_time_are_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("casty_cluster.singleton.manager.HAND_OFF_TIMEOUT", 0.05)
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def wait(_: Any) -> None:
        begun.set()
        await goes_on.wait()

    def stubborn() -> Any:
        return Behaviors.with_lifecycle(answering("stubborn"), post_stop=wait)

    async with DevelopmentCluster(2) as (first, second):
        spawn_on(first, stubborn)
        spawn_on(second, lambda: answering("successor"))
        await until(lambda: first.lookup("/stubborn/instance") is not None)
        leaving = asyncio.ensure_future(first.leave())
        await begun.wait()
        await until(lambda: "were not handed over: stubborn" in caplog.text)
        goes_on.set()
        await leaving
    assert "the cluster feature singletons, in the shutdown phase hand_off, has not ended after 0.05 s" in caplog.text


def spawn_on(node: ClusteredActorSystem, factory: Any) -> None:
    node.spawn(Behaviors.singleton(factory), "stubborn")
