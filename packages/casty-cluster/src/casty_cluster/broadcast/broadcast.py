"""Broadcasts: a reference that tells every member's actor of a name, and asks them all at once."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, override

from casty import ActorContext, ActorRef, Behavior, Behaviors, BroadcastRef, Mailbox
from casty.address import ActorAddress
from casty.behaviors.clustered import BroadcastedBehavior, ClusteredBehavior
from casty.errors import ActorStoppedError, CastyError, EncodeError, PartialAnswerError, ScopeError
from casty.extension import AskedRef, AskingElsewhere, Kernel, LocalRef, stop
from casty.member import ClusterState, Member
from casty.ref import Asking
from casty.spi.cluster_feature import ClusterFeature, ClusterNode, SpawnBehavior

from casty_cluster.node.enduring import enduring

PREFIX = "_bcast-"
"""Before the name of the actor that is on every member."""
NO_MEMBER: Final = "this node is not a member of its cluster now"


class Broadcasts(ClusterFeature):
    """Runs `Behaviors.broadcasted`: an actor on each node, and a reference that reaches them all."""

    def __init__(self, node: ClusterNode, kernel: Kernel) -> None:
        self._node = node
        self._kernel = kernel

    @override
    def behaviors(self) -> Mapping[type[Any], SpawnBehavior]:
        return {BroadcastedBehavior: self._spawn}

    def _spawn(self, broadcasted: BroadcastedBehavior[Any], name: str, mailbox: Mailbox | None) -> BroadcastRef[Any]:
        # The settings are those of the users' name for it; internal names have none.
        mailbox = mailbox or self._kernel.settings.resolve(name).mailbox
        if isinstance(broadcasted.behavior, ClusteredBehavior):
            kind = type(broadcasted.behavior).__name__
            raise ScopeError(f"a {kind} belongs to the whole cluster; spawn it by itself, with system.spawn()")
        actor = self._node.spawn(broadcasted.behavior, PREFIX + name, mailbox=mailbox, restarts_when_downed=True)
        try:
            front = self._node.spawn(proxy(lambda: ref), name)
        except BaseException:
            assert isinstance(actor, LocalRef)
            stop(actor)
            raise
        ref = ClusterBroadcastRef[Any](front.address, name, self._node, self._kernel)
        return ref


class ClusterBroadcastRef[M](BroadcastRef[M], AskedRef[M]):
    """Reaches the actors of all members that are up."""

    __slots__ = ("_address", "_kernel", "_node", "_path")

    def __init__(self, address: ActorAddress, name: str, node: ClusterNode, kernel: Kernel) -> None:
        self._address = address
        self._path = f"/{PREFIX}{name}"
        self._node = node
        self._kernel = kernel

    @property
    @override
    def address(self) -> ActorAddress:
        return self._address

    @property
    @override
    def asks(self) -> Asking:
        return self._kernel.asks

    @override
    def _deliver(self, message: M) -> None:
        view = self._node.view
        if view is None:
            self._node.dead_letter(message, self, NO_MEMBER)
            return
        for _, ref in self._targets(view):
            self._kernel.dead_letters.tell(ref, message)

    @override
    async def asked(
        self, asks: AskingElsewhere, factory: Callable[[ActorRef[Any]], M], timeout: float
    ) -> tuple[Any, ...]:
        """One answer for each member that is up, by node. Raises `PartialAnswerError` if some do not answer."""
        view = self._node.view
        if view is None:
            raise ActorStoppedError(f"{self._address.path} reaches no member: {NO_MEMBER}")
        targets = self._targets(view)
        answers = await _together([_answer(asks.ask(ref, factory, timeout)) for _, ref in targets])
        missing = {
            member.node: answer
            for (member, _), answer in zip(targets, answers, strict=True)
            if isinstance(answer, Exception)
        }
        if missing:
            raise PartialAnswerError(
                f"{len(missing)} of {len(targets)} members did not answer {self._address.path} within {timeout} s: "
                + "; ".join(f"{node}: {error}" for node, error in missing.items()),
                answers=tuple(answer for answer in answers if not isinstance(answer, Exception)),
                missing=tuple(missing),
            )
        return tuple(answers)

    def _targets(self, view: ClusterState) -> list[tuple[Member, ActorRef[Any]]]:
        return [(member, self._node.actor_on(member.node, self._path)) for member in view.up]


async def _answer(ask: Coroutine[Any, Any, Any]) -> Any:
    """A member's answer, or why there is none. Raises a mistake of the asker, which is the same for every member."""
    try:
        return await ask
    except EncodeError:
        raise
    except (TimeoutError, CastyError) as error:
        return error


async def _together(answers: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """All of them; the first that raises cancels the others."""
    tasks = [asyncio.ensure_future(answer) for answer in answers]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def proxy[M](ref: Callable[[], BroadcastRef[M]]) -> Behavior[M]:
    """The actor under the broadcast's own name, for references from other nodes."""

    async def fan_out(_: ActorContext[M], message: M) -> Behavior[M]:
        ref().tell(message)
        return Behaviors.same()

    return enduring(Behaviors.receive(fan_out))
