"""References that translate messages for the actor behind them: `ctx.message_adapter`.

An adapter is a reference and nothing else. It lives as long as it is referred to, and works as long as the incarnation
that made it; only one that has been given an address, so that another node may know it, is kept until then.
"""

from collections.abc import Callable, Hashable
from types import FunctionType
from typing import Any, Final, override
from weakref import WeakValueDictionary

from casty.address import ActorAddress
from casty.behaviors.functions import checked_plain, refuse_coroutine
from casty.interruption import raise_unless_failure
from casty.ref import ActorRef, Asking
from casty.runtime.cell import Cell
from casty.runtime.dead_letters import STOPPED
from casty.runtime.extras import CellExtras
from casty.runtime.pending import translate
from casty.runtime.signals import Fail

ADAPTER: Final = "_adapter"
"""The last part of every adapter's path; they differ by their uids."""


class AdapterRef(ActorRef[Any]):
    """Tells its owner `adapt(message)`."""

    __slots__ = ("_adapt", "_incarnation", "_uid", "owner")

    def __init__(self, owner: Cell, adapt: Callable[[Any], Any], incarnation: int) -> None:
        self.owner = owner
        self._adapt = adapt
        self._incarnation = incarnation
        self._uid = 0

    @property
    @override
    def address(self) -> ActorAddress:
        services = self.owner.services
        if not self._uid:
            self._uid = next(services.uids)
            if self.works():
                self.owner.own_extras().exported[self._uid] = self
        return services.address(f"{self.owner.path}/{ADAPTER}", self._uid)

    @property
    @override
    def asks(self) -> Asking:
        return self.owner.services.asks

    @override
    def _deliver(self, message: Any) -> None:
        dead_letters = self.owner.services.dead_letters
        if not self.works():
            dead_letters.publish(message, self, STOPPED)
            return
        try:
            adapted = self._adapt(message)
            refuse_coroutine(adapted, "ctx.message_adapter", self._adapt)
        except BaseException as error:
            raise_unless_failure(error)
            self.owner.signal(Fail(error, message))
        else:
            translate(self.owner, message, adapted)
            dead_letters.tell(self.owner.ref, adapted)

    def works(self) -> bool:
        """Whether its incarnation lives."""
        return self.owner.own_extras().incarnation == self._incarnation

    @override
    def __eq__(self, other: object) -> bool:
        return self is other

    @override
    def __hash__(self) -> int:
        return id(self) >> 4


def translator(ref: ActorRef[Any]) -> Cell | None:
    """The actor that an adapter delivers to, if `ref` is an adapter and works."""
    return ref.owner if isinstance(ref, AdapterRef) and ref.works() else None


def adapter(owner: Cell, adapt: Callable[[Any], Any]) -> ActorRef[Any]:
    """The adapter of that function, the same one as long as it is in use: a handler may ask for it each time."""
    extras = owner.own_extras()
    key = _key(adapt)
    if key is None:
        return _make(owner, adapt, extras)
    known = _known(extras)
    found = known.get(key)
    if found is None:
        found = known[key] = _make(owner, adapt, extras)
    return found


def _make(owner: Cell, adapt: Callable[[Any], Any], extras: CellExtras) -> AdapterRef:
    return AdapterRef(owner, checked_plain(adapt, 1, "ctx.message_adapter", "adapt(message)"), extras.incarnation)


def _known(extras: CellExtras) -> "WeakValueDictionary[Hashable, ActorRef[Any]]":
    if extras.adapters is None:
        extras.adapters = WeakValueDictionary()
    return extras.adapters


def _key(adapt: Callable[[Any], Any]) -> Hashable | None:
    """What makes two functions the same adapter: a lambda that stands in a handler is another one each time."""
    if isinstance(adapt, FunctionType) and not (adapt.__closure__ or adapt.__defaults__ or adapt.__kwdefaults__):
        return adapt.__code__, id(adapt.__globals__)
    return None if type(adapt).__hash__ is None else adapt  # pyright: ignore[reportUnnecessaryComparison]  # a user's may be
