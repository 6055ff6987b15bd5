"""The state of a durable actor: the attributes of an instance, encoded for comparison, and put back."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, cast

from casty.behaviors.functions import refuse_coroutine
from casty.errors import BehaviorError, SerializationError
from casty.spi.serializer import Encoded, Serializer


def fields_of(instance: object) -> Iterator[tuple[str, Any]]:
    """The attributes that an instance itself has, by name, in slots too; what `cached_property` keeps is none."""
    kind = type(instance)
    for base in kind.__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            if not name.startswith("__") and hasattr(instance, name):
                yield name, getattr(instance, name)
    for name, value in getattr(instance, "__dict__", {}).items():
        if not isinstance(getattr(kind, name, None), cached_property):
            yield name, value


def restore(instance: object, state: object) -> None:
    """Set the attributes that are stored. Those that the class has no place for any more are left out."""
    if not isinstance(state, Mapping):
        kind = type(instance).__qualname__
        raise BehaviorError(
            f"the stored state of {kind} is {type(state).__qualname__} and no mapping of attributes; define set_state, "
            "which takes over what get_state returns"
        )
    for name, value in cast("Mapping[str, Any]", state).items():
        try:
            object.__setattr__(instance, name, value)  # as a frozen dataclass refuses its own
        except AttributeError:
            if hasattr(instance, "__dict__") and not isinstance(getattr(type(instance), name, None), property):
                raise


class Memory:
    """What is stored of one incarnation, to tell a state that has changed.

    States are compared in encoded form: values that cannot be compared, or share objects, make no difference.
    """

    __slots__ = ("_instance", "_serializer", "newest")

    def __init__(self, instance: Any, serializer: Serializer) -> None:
        self._instance = instance
        self._serializer = serializer
        self.newest = self._encoded()
        """The state at the last look."""

    def changed(self) -> Encoded | None:
        """The state, if it is another one than at the last call. Raises `BehaviorError` if it cannot be stored."""
        encoded = self._encoded()
        if encoded == self.newest:
            return None
        self.newest = encoded
        return encoded

    def copy(self, encoded: Encoded) -> Any:
        """The state as a value that the instance does not go on changing."""
        return self._serializer.decode(*encoded)

    def _encoded(self) -> Encoded:
        kind = type(self._instance).__qualname__
        state = self._instance.get_state()
        refuse_coroutine(state, f"get_state of {kind}", self._instance.get_state)
        try:
            return self._serializer.encode(state)
        except SerializationError as error:
            raise BehaviorError(
                f"the state of {kind} cannot be stored: {error}; begin the attribute's name with an underscore, put it "
                "into __casty_exclude_fields__, or define get_state and set_state"
            ) from error
