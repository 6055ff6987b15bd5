"""What becomes of changes that an actor has made on a node that was cut off, where one copy's word is enough.

With `consistency="one"`, the node of an actor that loses sight of the others goes on alone until it learns that it was
downed; meanwhile the actor runs elsewhere. The state there counts. The state of the node that was cut off is sent to
the actor, once the node is a member again, if its class can merge the two.
"""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from casty.behaviors.functions import refuse_coroutine
from casty.errors import BehaviorError
from casty.serialization import message


@runtime_checkable
class Mergeable(Protocol):
    """A class of actors whose states can be merged, such as sets that only grow, or the highest of several numbers.

    It has to make no difference in which order states are merged, and whether one is merged again: a part of what comes
    is what the actor has already.
    """

    def merge_state(self, state: Any) -> None:
        """Add to this state what `get_state` has returned on a node that was cut off."""
        ...


@message("casty.Merge")
@dataclass(frozen=True, slots=True)
class Merge:
    """The state of an actor on a node that was cut off."""

    state: Any


def merge(instance: object, given: Merge) -> None:
    """Raises `BehaviorError` for an instance of a class that cannot."""
    kind = type(instance)
    if not isinstance(instance, Mergeable):
        raise BehaviorError(
            f"{kind.__qualname__} has no merge_state on this node; all nodes need the same version of it"
        )
    refuse_coroutine(instance.merge_state(given.state), f"merge_state of {kind.__qualname__}", instance.merge_state)
