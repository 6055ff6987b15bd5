"""References are copied as themselves, and are not pickled."""

import copy
import pickle
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from typing import Any

import pytest
from casty import ActorRef, ActorSystem, Behaviors
from casty.address import ActorAddress
from casty.ref import AddressRef, DetachedRef
from casty.testing import TestInbox


@dataclass(frozen=True)
class State:
    subscribers: tuple[ActorRef[Any], ...]
    by_name: dict[str, list[ActorRef[Any]]]


async def references() -> list[ActorRef[Any]]:
    """One of each kind of a process; those of a cluster have the same base, and are looked at by `all_kinds`."""
    asked: list[ActorRef[Any]] = [DetachedRef(ActorAddress(system="s", path="/a", uid=1)), TestInbox[Any]().ref]

    async def receive(ctx: Any, message: Any) -> Any:
        asked.append(message)
        asked.append(ctx.message_adapter(str))
        message.tell("done")
        return Behaviors.same()

    async with ActorSystem() as system:
        actor: ActorRef[Any] = system.spawn(Behaviors.receive(receive), "a")
        asked.append(actor)
        await system.ask(actor, lambda reply_to: reply_to)
        asked.append(system.resolve(ActorAddress(system=system.name, path="/gone", uid=5)))
    return asked


def all_kinds(kind: type) -> set[type]:
    return {kind}.union(*(all_kinds(derived) for derived in kind.__subclasses__()))


async def test_a_reference_is_copied_as_itself() -> None:
    for ref in await references():
        assert copy.copy(ref) is ref
        assert copy.deepcopy([ref])[0] is ref


async def test_a_state_with_references_can_be_copied() -> None:
    first, second, *_ = await references()
    state = State((first, second), {"a": [first]})
    assert copy.deepcopy(state) == state
    assert asdict(state)["by_name"]["a"][0] is first
    assert replace(state, subscribers=()).by_name["a"][0] is first


async def test_pickling_says_why_not_and_what_to_do() -> None:
    for ref in await references():
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match=r"a reference is bound to its actor system; send it in a message"):
                pickle.dumps([ref], protocol)


def test_no_kind_of_reference_copies_or_pickles_otherwise() -> None:
    for module in ("casty_cluster.broadcast.broadcast", "casty_cluster.remoting.refs"):
        import_module(module)
    kinds = all_kinds(ActorRef)
    assert AddressRef in kinds
    assert {"RemoteRef", "ReplyRef", "LocalRef", "PromiseRef", "GoneRef", "ClusterBroadcastRef"} <= {
        kind.__name__ for kind in kinds
    }
    for kind in kinds:
        for name in ("__copy__", "__deepcopy__", "__reduce_ex__"):
            assert getattr(kind, name) is getattr(ActorRef, name), kind
