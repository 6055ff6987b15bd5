"""Every kind of reference passes the kit for references, and references with one fault each do not."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast, override

import pytest
from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors, DeadLetter, RegionRef, ShardEnvelope
from casty.address import ActorAddress
from casty.cluster import DevelopmentCluster
from casty.output_commit import CURRENT, OPEN, Output, current
from casty.spi.cluster_feature import ClusterNode
from casty.testing import TestInbox, TestProbe, settle
from casty.testing.conformance.reference import Check, OpenReceiver, Receiver, checks
from casty.testing.inbox import InboxRef
from casty_cluster.broadcast.broadcast import ClusterBroadcastRef

from tests.cluster.remoting.pair import pair


@dataclass
class Receiving:
    ref: ActorRef[Any]
    texts: list[str]

    async def received(self) -> list[str]:
        await settle()
        return list(self.texts)


def collector(texts: list[str]) -> Behavior[str]:
    async def receive(_: ActorContext[str], text: str) -> Behavior[str]:
        texts.append(text)
        return Behaviors.same()

    return Behaviors.receive(receive)


@asynccontextmanager
async def local() -> AsyncGenerator[Receiver]:
    async with ActorSystem() as system:
        texts: list[str] = []
        yield Receiving(system.spawn(collector(texts)), texts)


@asynccontextmanager
async def adapter() -> AsyncGenerator[Receiver]:
    made: asyncio.Future[ActorRef[str]] = asyncio.get_running_loop().create_future()
    texts: list[str] = []

    async def setup(ctx: ActorContext[str]) -> Behavior[str]:
        made.set_result(ctx.message_adapter(lambda text: text))
        return collector(texts)

    async with ActorSystem() as system:
        system.spawn(Behaviors.setup(setup))
        yield Receiving(await made, texts)


@asynccontextmanager
async def probe() -> AsyncGenerator[Receiver]:
    async with ActorSystem() as system:
        found = TestProbe[str](system)

        @dataclass
        class Probing(Receiving):
            @override
            async def received(self) -> list[str]:
                self.texts.extend(await found.receive_all())
                return list(self.texts)

        yield Probing(found.ref, [])


@asynccontextmanager
async def inbox() -> AsyncGenerator[Receiver]:
    found = TestInbox[str]()

    @dataclass
    class Emptying(Receiving):
        @override
        async def received(self) -> list[str]:
            self.texts.extend(found.receive_all())
            return list(self.texts)

    yield Emptying(found.ref, [])


def dead_letters(system: ActorSystem) -> list[str]:
    texts: list[str] = []
    system.event_stream.subscribe(DeadLetter, lambda letter: texts.append(str(letter.message)))
    return texts


@asynccontextmanager
async def gone() -> AsyncGenerator[Receiver]:
    async with ActorSystem() as system:
        ref = system.resolve(ActorAddress(system=system.name, path="/nothing", uid=1))
        yield Receiving(ref, dead_letters(system))


@asynccontextmanager
async def reply() -> AsyncGenerator[Receiver]:
    async with ActorSystem() as system, asking(system, lambda keeper: system.ask(keeper, lambda to: to)) as receiver:
        yield receiver


@asynccontextmanager
async def remote() -> AsyncGenerator[Receiver]:
    async with pair(ActorSystem) as (here, there):
        texts: list[str] = []
        yield Receiving(here.system.resolve(there.system.spawn(collector(texts)).address), texts)


@asynccontextmanager
async def remote_reply() -> AsyncGenerator[Receiver]:
    async with pair(ActorSystem) as (here, there):

        def ask(keeper: ActorRef[Any]) -> Coroutine[Any, Any, str]:
            return there.system.ask(there.system.resolve(keeper.address), lambda to: to)

        async with asking(here.system, ask) as receiver:
            yield receiver


@asynccontextmanager
async def asking(
    system: ActorSystem, ask: Callable[[ActorRef[Any]], Coroutine[Any, Any, str]]
) -> AsyncGenerator[Receiver]:
    """The reply reference of an ask of an actor that keeps it."""
    kept: asyncio.Future[ActorRef[str]] = asyncio.get_running_loop().create_future()

    async def keep(_: ActorContext[ActorRef[str]], reply_to: ActorRef[str]) -> Behavior[ActorRef[str]]:
        kept.set_result(reply_to)
        return Behaviors.same()

    texts: list[str] = []
    pending = asyncio.ensure_future(ask(system.spawn(Behaviors.receive(keep))))
    pending.add_done_callback(lambda done: texts.append(done.result()))
    yield Receiving(await kept, texts)
    await pending


@asynccontextmanager
async def broadcast() -> AsyncGenerator[Receiver]:
    async with DevelopmentCluster(1) as (node,):
        texts: list[str] = []
        yield Receiving(node.spawn(Behaviors.broadcasted(collector(texts)), "all"), texts)


class NodeOfNoCluster:
    """What a broadcast reference uses of a node, before the node is a member."""

    view = None

    def __init__(self, system: ActorSystem) -> None:
        self._system = system

    def dead_letter(self, message: object, intended: ActorRef[Any], reason: str) -> None:
        self._system.kernel.dead_letters.publish(message, intended, reason)


@asynccontextmanager
async def broadcast_of_no_cluster() -> AsyncGenerator[Receiver]:
    async with ActorSystem() as system:
        ref = ClusterBroadcastRef[str](
            ActorAddress(system=system.name, path="/all", uid=1),
            "all",
            cast("ClusterNode", NodeOfNoCluster(system)),
            system.kernel,
        )
        yield Receiving(ref, dead_letters(system))


@asynccontextmanager
async def singleton() -> AsyncGenerator[Receiver]:
    async with DevelopmentCluster(1) as (node,):
        texts: list[str] = []
        yield Receiving(node.spawn(Behaviors.singleton(lambda: collector(texts)), "one"), texts)


class Enveloped(ActorRef[str]):
    """A region's reference, told texts for one entity."""

    def __init__(self, region: RegionRef[str]) -> None:
        self._region = region

    @property
    @override
    def address(self) -> ActorAddress:
        return self._region.address

    @override
    def tell(self, message: str) -> None:
        self._region.tell(ShardEnvelope("one", message))

    @override
    def _deliver(self, message: str) -> None:
        raise NotImplementedError


@asynccontextmanager
async def region() -> AsyncGenerator[Receiver]:
    async with ActorSystem() as system:
        texts: list[str] = []
        yield Receiving(Enveloped(system.spawn(Behaviors.sharded(lambda entity_id: collector(texts)))), texts)


@asynccontextmanager
async def entity() -> AsyncGenerator[Receiver]:
    async with ActorSystem() as system:
        texts: list[str] = []
        yield Receiving(system.spawn(Behaviors.sharded(lambda entity_id: collector(texts))).entity("one"), texts)


MANY: dict[str, OpenReceiver] = {
    "local": local,
    "remote": remote,
    "gone": gone,
    "adapter": adapter,
    "probe": probe,
    "inbox": inbox,
    "broadcast": broadcast,
    "broadcast of no cluster": broadcast_of_no_cluster,
    "singleton": singleton,
    "region": region,
    "entity": entity,
}
ONE: dict[str, OpenReceiver] = {"reply": reply, "remote reply": remote_reply}


@pytest.mark.parametrize("check", checks())
@pytest.mark.parametrize("kind", MANY)
async def test_every_reference_keeps_to_output_commit(kind: str, check: Check) -> None:
    await check(MANY[kind])


@pytest.mark.parametrize("check", checks(takes_many=False))
@pytest.mark.parametrize("kind", ONE)
async def test_every_reply_reference_keeps_to_output_commit(kind: str, check: Check) -> None:
    await check(ONE[kind])


class Forgets(InboxRef[str]):
    """Drops all."""

    @override
    def _deliver(self, message: str) -> None:
        pass


class Hastes(InboxRef[str]):
    """Does not look whether a command is in flight."""

    @override
    def tell(self, message: str) -> None:
        self._deliver(message)


class Repeats(InboxRef[str]):
    """Delivers what a command tells now, and again at its release."""

    @override
    def tell(self, message: str) -> None:
        super().tell(message)
        if OPEN and current() is not None:
            self._deliver(message)


class Confuses(InboxRef[str]):
    """Holds back what any command in flight could have told."""

    @override
    def tell(self, message: str) -> None:
        for output in OPEN:
            output.hold(self._deliver, message)
            return
        self._deliver(message)


class Clings(InboxRef[str]):
    """Holds back for a command that is over."""

    @override
    def tell(self, message: str) -> None:
        output = CURRENT.get()
        if output is None:
            self._deliver(message)
        else:
            output.hold(self._deliver, message)


class Reverses(InboxRef[str]):
    """Delivers what a command told last first."""

    waiting: dict[Output, list[str]] = {}  # noqa: RUF012  # a mutant lives for one check

    @override
    def tell(self, message: str) -> None:
        output = current()
        if output is None:
            self._deliver(message)
            return
        texts = self.waiting.setdefault(output, [])
        texts.append(message)
        output.hold(lambda _: self._deliver(texts.pop()), None)


CAUGHT_BY: dict[type[InboxRef[str]], str] = {
    Forgets: "a_message_arrives",
    Hastes: "what_a_failed_command_told_leaves_no_trace",
    Repeats: "what_a_task_of_a_command_tells_waits_as_well",
    Confuses: "a_command_in_flight_holds_back_nothing_of_others",
    Clings: "what_a_task_tells_after_its_command_goes_straight_through",
    Reverses: "what_a_command_tells_keeps_its_order",
}


@pytest.mark.parametrize(("mutant", "caught_by"), CAUGHT_BY.items())
async def test_a_faulty_reference_fails_the_check_that_is_about_it(mutant: type[InboxRef[str]], caught_by: str) -> None:
    @asynccontextmanager
    async def faulty() -> AsyncGenerator[Receiver]:
        texts: list[str] = []
        yield Receiving(mutant("/faulty", texts.append), texts)

    opening: Callable[[], AbstractAsyncContextManager[Receiver]] = faulty
    (check,) = (check for check in checks() if check.__name__ == caught_by)
    in_flight = set(OPEN)
    with pytest.raises(AssertionError, match="received"):
        await check(opening)
    OPEN.intersection_update(in_flight)  # a check that has failed leaves its command in flight
