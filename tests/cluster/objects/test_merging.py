"""Actors whose own copy's word is enough: what becomes of changes on a node that is cut off, and goes on alone."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
from casty import Actor, CastyError, Context, LocalRef, Mergeable
from casty.cluster import ClusterScope, DevelopmentCluster
from casty.extension import shard_of
from casty.objects.merging import Merge
from casty_cluster.sharding.feature import Sharding

from tests.cluster.objects.reaching import reached

FAST = {"failover": "fast"}
ONE = ClusterScope(replication=3, consistency="one")
QUORUM = ClusterScope(replication=3, consistency="quorum")


class Tags(Actor[str]):
    """Adds a tag, unless it is empty, and replies with all."""

    def __init__(self, first: str = "") -> None:
        self.tags: list[str] = [first] if first else []

    async def receive(self, msg: str, ctx: Context) -> None:
        if msg:
            self.tags = sorted({*self.tags, msg})
        await ctx.reply(self.tags)


class MergedTags(Tags):
    merged: ClassVar[list[Any]] = []

    def merge_state(self, state: dict[str, Any]) -> None:
        self.merged.append(state)
        self.tags = sorted({*self.tags, *state["tags"]})


@pytest.fixture(autouse=True)
def nothing_merged() -> None:
    MergedTags.merged.clear()


class Divided:
    """A cluster whose node with the actor was cut off, until the others run it."""

    def __init__(self, cluster: DevelopmentCluster, kind: type[Tags], scope: ClusterScope) -> None:
        self.cluster = cluster
        self.kind = kind
        self.scope = scope
        self.refs: list[LocalRef[str]] = []

    async def begin(self) -> None:
        for node in self.cluster:
            self.refs.append(await node.actor(self.kind, name="tags", scope=self.scope, first="first"))
        await self.refs[0].ask("both")
        self.cut_off = self.host
        self.removed = self.cluster[self.cut_off].self_node
        self.other = (self.cut_off + 1) % 3
        self.cluster.partition([self.cut_off], [index for index in range(3) if index != self.cut_off])

    @property
    def host(self) -> int:
        copies = self.scope.copies
        assert copies is not None
        region = f"class-actors-{copies.replicas}-{copies.min_acks}"
        shard = shard_of(f"{__name__}:{self.kind.__qualname__}/tags", 100)
        [index] = [
            index
            for index, node in enumerate(self.cluster)
            if node.features.find(Sharding).regions[region].holding(shard) is not None
        ]
        return index

    async def taken_over(self) -> None:
        """The others run it, and add something; then the network is whole again, and the node joins anew."""
        assert await reached(self.refs[self.other], "right") == ["both", "first", "right"]
        self.cluster.heal()
        async with asyncio.timeout(60):
            while self.cluster[self.cut_off].self_node.node == self.removed.node:  # noqa: ASYNC110 - of another node
                await asyncio.sleep(0.01)

    async def seen(self) -> list[list[str]]:
        """By all nodes, when they are one cluster."""
        for node in self.cluster:
            await node.wait_for(3)
        return [await reached(ref, "") for ref in self.refs]


@asynccontextmanager
async def divided(kind: type[Tags], scope: ClusterScope) -> AsyncGenerator[Divided]:
    async with DevelopmentCluster(3, **FAST) as cluster:
        scene = Divided(cluster, kind, scope)
        await scene.begin()
        yield scene


async def test_changes_on_a_node_that_was_cut_off_are_merged_when_it_is_back() -> None:
    async with divided(MergedTags, ONE) as scene:
        assert await scene.refs[scene.cut_off].ask("left") == ["both", "first", "left"]
        await scene.taken_over()
        async with asyncio.timeout(30):
            while await scene.seen() != [["both", "first", "left", "right"]] * 3:  # noqa: ASYNC110 - of other nodes
                await asyncio.sleep(0.01)
        assert MergedTags.merged == [{"tags": ["both", "first", "left"]}]


async def test_without_a_merge_the_state_of_the_other_nodes_counts() -> None:
    async with divided(Tags, ONE) as scene:
        assert await scene.refs[scene.cut_off].ask("left") == ["both", "first", "left"]
        await scene.taken_over()
        assert await scene.seen() == [["both", "first", "right"]] * 3


async def test_with_a_quorum_there_is_nothing_to_merge() -> None:
    async with divided(MergedTags, QUORUM) as scene:
        adding = asyncio.create_task(scene.refs[scene.cut_off].ask("left", timeout=20.0))
        await scene.taken_over()
        with pytest.raises((CastyError, TimeoutError)):
            await adding
        assert await scene.seen() == [["both", "first", "right"]] * 3
        assert MergedTags.merged == []


async def test_what_is_merged_is_stored_and_a_move_merges_nothing() -> None:
    async with DevelopmentCluster(3, **FAST) as cluster:
        scene = Divided(cluster, MergedTags, ONE)
        await scene.begin()
        cluster.heal()
        scene.refs[0].tell(Merge({"tags": ["from elsewhere"]}))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        assert await scene.refs[0].ask("") == ["both", "first", "from elsewhere"]
        await cluster[scene.cut_off].leave()
        assert await reached(scene.refs[scene.other], "") == ["both", "first", "from elsewhere"]
        assert len(MergedTags.merged) == 1


class Odd(Tags):
    async def merge_state(self, state: Any) -> None: ...


async def test_a_merge_that_is_async_is_an_error_that_names_it(caplog: pytest.LogCaptureFixture) -> None:
    async with DevelopmentCluster(1, **FAST) as (node,):
        for kind in (Odd, Tags):
            tags: Any = await node.actor(kind, name="tags", scope=ClusterScope(2, "one"))
            tags.tell(Merge({}))
            assert await tags.ask("x") == ["x"]
    assert "merge_state of Odd" in caplog.text
    assert "Tags has no merge_state on this node" in caplog.text


def test_a_class_says_by_its_method_that_its_states_can_be_merged() -> None:
    assert issubclass(MergedTags, Mergeable)
    assert not issubclass(Tags, Mergeable)
