"""One actor on every member, reached by one reference."""

import asyncio
from typing import cast

import pytest
from casty import ActorNameError, Behaviors, BroadcastRef, DeadLetter, Mailbox, MailboxOverflowStrategy
from casty.errors import EncodeError, PartialAnswerError
from casty.testing import TestProbe
from casty_cluster import DevelopmentCluster

from tests.cluster.system.actors import Do, Identify, answering
from tests.cluster.system.waiting import until


async def test_a_tell_reaches_every_member_and_an_ask_is_answered_by_all() -> None:
    async with DevelopmentCluster(3) as cluster:
        refs = [node.spawn(Behaviors.broadcasted(answering(node.self_node.node_id)), "all") for node in cluster]
        assert all(isinstance(ref, BroadcastRef) for ref in refs)
        for node, ref in zip(cluster, refs, strict=True):
            assert await node.ask(ref, Identify) == ("node-1", "node-2", "node-3")
            assert node.lookup("/all") is ref


async def test_a_node_that_does_not_answer_is_named_and_the_other_answers_are_kept() -> None:
    async with DevelopmentCluster(3) as cluster:
        first, second, _ = cluster
        ref = first.spawn(Behaviors.broadcasted(answering("first")), "all")
        second.spawn(Behaviors.broadcasted(answering("second")), "all")
        with pytest.raises(PartialAnswerError, match="1 of 3 members did not answer /all") as failed:
            await first.ask(ref, Identify)
        assert failed.value.answers == ("first", "second")
        assert failed.value.missing == (cluster[2].self_node.node,)
        assert isinstance(failed.value, TimeoutError)


async def test_an_ask_that_cannot_be_written_fails_at_once_with_that_error() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, _ = cluster
        ref = first.spawn(Behaviors.broadcasted(Behaviors.ignore()), "all")
        async with asyncio.timeout(30.0):
            with pytest.raises(EncodeError, match="object"):
                await first.ask(ref, lambda _: Do(cast("str", object())), timeout=60.0)


async def test_the_name_can_be_reached_from_elsewhere() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        for node in cluster:
            node.spawn(Behaviors.broadcasted(answering(node.self_node.node_id)), "all")
        front = first.lookup("/all", node=second.self_node.node)
        assert front is not None
        local = second.lookup("/_bcast-all")
        assert local is not None
        front.tell(Do("stop"))
        await until(lambda: second.lookup("/_bcast-all") is None and first.lookup("/_bcast-all") is None)


async def test_a_broadcast_needs_a_name() -> None:
    async with DevelopmentCluster(1) as cluster:
        with pytest.raises(ActorNameError, match="needs a name that is the same on every node"):
            cluster[0].spawn(Behaviors.broadcasted(answering("x")))


async def test_a_name_that_is_taken_leaves_nothing_behind() -> None:
    async with DevelopmentCluster(1) as cluster:
        node = cluster[0]
        node.spawn(answering("x"), "all")
        with pytest.raises(ActorNameError):
            node.spawn(Behaviors.broadcasted(answering("x")), "all")
        await until(lambda: node.lookup("/_bcast-all") is None)


async def test_a_tell_of_a_node_that_is_no_member_is_a_dead_letter() -> None:
    async with DevelopmentCluster(1) as cluster:
        node = cluster[0]
        ref = node.spawn(Behaviors.broadcasted(answering("x")), "all")
        letters = TestProbe[DeadLetter](node)
        node.event_stream.subscribe(DeadLetter, letters.ref.tell)
        node.node.fall_silent()
        ref.tell(Do("stop"))
        letter = await letters.receive()
        assert (letter.message, letter.intended_ref) == (Do("stop"), ref)
        assert "not a member" in letter.reason


async def test_one_members_full_mailbox_does_not_keep_it_from_the_others() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        full = Mailbox(1, MailboxOverflowStrategy.reject)
        ref = first.spawn(Behaviors.broadcasted(answering("first")), "all", mailbox=full)
        second.spawn(Behaviors.broadcasted(answering("second")), "all")
        for _ in range(3):
            ref.tell(Do("what no actor does"))
        ref.tell(Do("stop"))
        await until(lambda: second.lookup("/_bcast-all") is None)
