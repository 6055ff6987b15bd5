"""The state with which an incarnation of an actor begins: its own, whatever earlier ones have done to theirs."""

from copy import deepcopy
from typing import Any

from casty.callables import is_async, named, takes
from casty.errors import BehaviorError


def check_initial_state(entity_id: str, given: Any) -> None:
    """Raises `BehaviorError` for what no incarnation could begin with."""
    if not callable(given):
        _copied(entity_id, given)
    elif is_async(given) or not takes(given, 0):
        raise BehaviorError(
            f"the initial_state of {entity_id!r} is {named(given)}, a function that cannot be called without "
            "arguments, or is async; give a state, or a plain function that makes one, such as initial_state=list"
        )


def fresh_state(entity_id: str, given: Any) -> Any:
    """A state that no other incarnation has: what a function makes, or a deep copy."""
    return given() if callable(given) else _copied(entity_id, given)


def _copied(entity_id: str, state: Any) -> Any:
    try:
        return deepcopy(state)
    except Exception as error:
        raise BehaviorError(
            f"the initial_state of {entity_id!r}, a {type(state).__qualname__}, cannot be copied for each start of the "
            f"actor: {error}; give a function that makes one instead, such as initial_state=lambda: "
            f"{type(state).__name__}(...)"
        ) from error
