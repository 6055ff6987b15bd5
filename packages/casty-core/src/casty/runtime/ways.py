"""How each class of references is asked, found once for each: a look at abstract classes takes half a microsecond."""

from typing import Any, Final

from casty.ref import ActorRef, FrontRef, checked_ref
from casty.runtime.asked import AskedRef
from casty.runtime.routed import RoutedRef

CARRIED: Final = 1
"""It carries an ask in its own way."""
FRONT: Final = 2
"""Its target is asked."""
ROUTED: Final = 3
"""It finds the actor that is asked."""
PLAIN: Final = 4

_BASES: Final = {AskedRef: CARRIED, FrontRef: FRONT, RoutedRef: ROUTED}
_ways: dict[type, int] = {}


def way_of(ref: ActorRef[Any]) -> int:
    """Raises `ArgumentError` for what is no reference."""
    kind = type(ref)
    way = _ways.get(kind)
    if way is None:
        checked_ref(ref, "ask")
        way = _ways[kind] = next((way for base, way in _BASES.items() if issubclass(kind, base)), PLAIN)
    return way
