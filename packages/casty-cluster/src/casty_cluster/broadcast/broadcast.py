"""Broadcasts: a reference that tells every member's actor of a name, and asks them all at once."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, override

from casty import ActorContext, ActorRef, Behavior, Behaviors, BroadcastRef
from casty.address import ActorAddress
from casty.errors import ActorStoppedError, CastyError, EncodeError, PartialAnswerError
from casty.extension import AskedRef, Asks, DeadLetters
from casty.member import Member
from casty.ref import Asking

from casty_cluster.node.enduring import enduring
from casty_cluster.node.view import ClusterState, Views

PREFIX = "_bcast-"
"""Before the name of the actor that is on every member."""
NOBODY = "this node is no member of its cluster now"


class ClusterBroadcastRef[M](BroadcastRef[M], AskedRef[M]):
    """Reaches the actors of all members that are up."""

    __slots__ = ("_address", "_asks", "_dead_letters", "_name", "_resolve", "_views")

    def __init__(
        self,
        address: ActorAddress,
        name: str,
        views: Views,
        *,
        resolve: Callable[[ActorAddress], ActorRef[Any]],
        dead_letters: DeadLetters,
        asks: Asking,
    ) -> None:
        self._address = address
        self._name = name
        self._views = views
        self._resolve = resolve
        self._dead_letters = dead_letters
        self._asks = asks

    @property
    @override
    def address(self) -> ActorAddress:
        return self._address

    @property
    @override
    def asks(self) -> Asking:
        return self._asks

    @override
    def _deliver(self, message: M) -> None:
        view = self._views.current
        if view is None:
            self._dead_letters.publish(message, self, NOBODY)
            return
        for _, ref in self._targets(view):
            self._dead_letters.tell(ref, message)

    @override
    async def asked(self, asks: Asks, factory: Callable[[ActorRef[Any]], M], timeout: float) -> tuple[Any, ...]:
        """One answer for each member that is up, by node. Raises `PartialAnswerError` if some do not answer."""
        view = self._views.current
        if view is None:
            raise ActorStoppedError(f"{self._address.path} reaches nobody: {NOBODY}")
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
        path = f"/{PREFIX}{self._name}"
        own = self._address
        return [
            (
                member,
                self._resolve(ActorAddress(system=own.system, path=path, host=member.node.host, port=member.node.port)),
            )
            for member in view.up
        ]


async def _answer(ask: Coroutine[Any, Any, Any]) -> Any:
    """A member's answer, or why there is none. Raises what is the asker's own fault, and the same for every member."""
    try:
        return await ask
    except EncodeError:
        raise
    except (TimeoutError, CastyError) as error:
        return error


async def _together(answers: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """All of them; the first that raises ends the others, which need not be waited for."""
    tasks = [asyncio.ensure_future(answer) for answer in answers]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def proxy[M](ref: Callable[[], BroadcastRef[M]]) -> Behavior[M]:
    """The actor under the broadcast's own name, for those who reach it from elsewhere or by looking it up."""

    async def fan_out(_: ActorContext[M], message: M) -> Behavior[M]:
        ref().tell(message)
        return Behaviors.same()

    return enduring(Behaviors.receive(fan_out))
