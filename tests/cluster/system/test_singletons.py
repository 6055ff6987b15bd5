"""One actor in the whole cluster."""

import asyncio
from typing import Any, cast

import pytest
from casty import ActorContext, Behavior, Behaviors, EncodeError
from casty.runtime.cell import LocalRef
from casty.testing import settle
from casty_cluster import ClusteredActorSystem, DevelopmentCluster
from casty_cluster.protocol.forwarding import Forwarding, Returned
from casty_cluster.protocol.singleton import Members, Singleton

from tests.cluster.system.actors import Do, Identify, answering, counting
from tests.cluster.system.waiting import until


def spawn_on(node: ClusteredActorSystem) -> None:
    node.spawn(Behaviors.singleton(lambda: answering(node.self_node.node_id)), "single")


async def where(node: ClusteredActorSystem) -> str:
    ref = node.lookup("/single")
    assert ref is not None
    return await node.ask(ref, Identify)


async def test_it_runs_on_the_oldest_member_and_every_node_reaches_it() -> None:
    async with DevelopmentCluster(3) as cluster:
        for node in reversed(list(cluster)):
            spawn_on(node)
        assert [await where(node) for node in cluster] == ["node-1"] * 3


async def test_messages_sent_before_it_runs_wait_for_it() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        spawn_on(second)
        asked = asyncio.ensure_future(where(second))
        await asyncio.sleep(0)
        spawn_on(first)
        assert await asked == "node-1"


async def test_it_moves_to_the_next_oldest_when_its_node_leaves_and_nothing_is_lost() -> None:
    async with DevelopmentCluster(3) as cluster:
        for node in cluster:
            spawn_on(node)
        first, second, third = cluster
        assert await where(third) == "node-1"
        leaving = asyncio.ensure_future(first.leave())
        answers = [await where(third) for _ in range(200)]
        await leaving
        assert answers == sorted(answers), "from the old one to the new one, once"
        assert await where(second) == "node-2"


async def test_what_its_node_has_not_handled_when_it_leaves_is_handled_by_the_next_one() -> None:
    goes_on, begun, handled = asyncio.Event(), asyncio.Event(), list[tuple[str, str]]()

    def noting(name: str) -> Behavior[Do]:
        async def note(_: ActorContext[Do], message: Do) -> Behavior[Do]:
            begun.set()
            await goes_on.wait()
            handled.append((name, message.what))
            return Behaviors.same()

        return Behaviors.receive(note)

    async with DevelopmentCluster(2) as (first, second):
        for node in (first, second):
            name = node.self_node.node_id
            node.spawn(Behaviors.singleton(lambda name=name: noting(name)), "single")
        ref = second.lookup("/single")
        assert ref is not None
        for number in range(5):
            ref.tell(Do(str(number)))
        await begun.wait()
        await until(lambda: len(handled) == 0 and unread(first) == 4)
        leaving = asyncio.ensure_future(first.leave())
        await until(lambda: unread(first) == 0)
        goes_on.set()
        await leaving
        await until(lambda: len(handled) == 5)
    assert handled == [("node-1", "0"), *(("node-2", str(number)) for number in range(1, 5))]


def unread(node: ClusteredActorSystem) -> int:
    ref = node.lookup("/single/instance")
    assert isinstance(ref, LocalRef)
    return ref.cell.waiting()


def inputs_of(machine: type[Any], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Record the inputs of all machines of a type from now on."""
    inputs: list[Any] = []
    handle = machine.handle

    def recording(self: Any, given: Any, now: float) -> Any:
        inputs.append(given)
        return handle(self, given, now)

    monkeypatch.setattr(machine, "handle", recording)
    return inputs


async def test_messages_wait_while_the_next_node_does_not_have_it_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = inputs_of(Forwarding, monkeypatch)
    async with DevelopmentCluster(3) as (first, second, third):
        spawn_on(first)
        spawn_on(third)
        assert await where(third) == "node-1"
        leaving = asyncio.ensure_future(first.leave())
        await until(lambda: (view := third.get_cluster_state()) is not None and bool(view.retiring))
        asked = asyncio.ensure_future(where(third))
        await until(lambda: sum(isinstance(given, Returned) for given in inputs) >= 2)  # node-2 returned it twice
        spawn_on(second)
        assert await asked == "node-2"
        await leaving


async def test_an_ask_of_it_that_cannot_be_written_fails_at_once_under_the_users_type() -> None:
    async with DevelopmentCluster(2) as cluster:
        for node in cluster:
            spawn_on(node)
        assert await where(cluster[1]) == "node-1"
        ref = cluster[1].lookup("/single")
        assert ref is not None
        async with asyncio.timeout(30.0):
            with pytest.raises(EncodeError, match="Do") as failed:
                await cluster[1].ask(ref, lambda _: Do(cast("str", object())), timeout=60.0)
        assert "Forwarded" not in str(failed.value)


async def test_it_begins_again_after_a_failure() -> None:
    async with DevelopmentCluster(1) as cluster:
        node = cluster[0]
        ref = node.spawn(Behaviors.singleton(counting), "single")
        assert await node.ask(ref, Identify) == "1"
        ref.tell(Do("what it cannot do"))
        await until(lambda: node.lookup("/single/instance") is None)
        assert await node.ask(ref, Identify) == "1", "it has restarted, and the message has waited"


async def test_a_node_that_comes_back_starts_it_when_its_last_incarnation_has_stopped_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    goes_on, lives = asyncio.Event(), list[str]()
    inputs = inputs_of(Singleton, monkeypatch)

    async def begin(_: ActorContext[Any]) -> None:
        lives.append("begins")

    async def end(_: ActorContext[Any]) -> None:
        await goes_on.wait()
        lives.append("has ended")

    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        singleton = Behaviors.singleton(
            lambda: Behaviors.with_lifecycle(answering("slow"), pre_start=begin, post_stop=end)
        )
        first.spawn(singleton, "single")
        spawn_on(second)
        assert await where(second) == "slow"
        before = first.self_node
        second.node.down(before.node)
        assert await where(second) == "node-2"
        await until(lambda: first.is_running and first.self_node.node != before.node and len(first.members) == 2)
        leaving = asyncio.ensure_future(second.leave())
        node = first.self_node.node

        def is_next_host() -> bool:
            return any(given.retiring for given in inputs if isinstance(given, Members) and given.local == node)

        await until(is_next_host)
        await settle()
        assert lives == ["begins"], "it is the next host, but its last instance has not stopped yet"
        goes_on.set()
        await leaving
        assert await where(first) == "slow"
        assert lives == ["begins", "has ended", "begins"]


async def test_an_ask_by_a_downed_node_waits_until_the_node_has_rejoined() -> None:
    async with DevelopmentCluster(2) as (first, second):
        for node in (first, second):
            spawn_on(node)
        assert await where(second) == "node-1"
        first.node.down(second.self_node.node)
        await until(lambda: second.node.views.current is None)
        assert await where(second) == "node-1"
        assert second.get_cluster_state() is not None


@pytest.mark.parametrize("failure", [ValueError("not yet"), BaseExceptionGroup("not yet", [GeneratorExit()])])
async def test_a_factory_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch, failure: BaseException) -> None:
    monkeypatch.setattr("casty_cluster.protocol.singleton.PAUSE", 0.01)
    attempts = iter([failure, None])

    def factory() -> Behavior[Any]:
        if (error := next(attempts)) is not None:
            raise error
        return answering("at last")

    async with DevelopmentCluster(1) as cluster:
        assert await cluster[0].ask(cluster[0].spawn(Behaviors.singleton(factory), "single"), Identify) == "at last"


async def test_a_newcomer_does_not_take_it_away() -> None:
    async with DevelopmentCluster(1) as cluster:
        spawn_on(cluster[0])
        assert await where(cluster[0]) == "node-1"
        newcomer = await cluster.add_node()
        spawn_on(newcomer)
        assert await where(newcomer) == "node-1"
