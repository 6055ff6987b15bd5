"""Marks on those lists of a tree that stand for something else: an extension that no user's value can be."""

from enum import Enum, unique
from typing import Final

from casty.serialization.packing import Timestamp

TAG: Final = 0
"""The extension's code, for good."""


@unique
class Tag(Enum):
    """The first element of a list that is none. The values are for good."""

    TUPLE = b"t"
    SET = b"s"
    FROZENSET = b"f"
    MAP = b"m"
    """A dict with keys that are not all text or bytes: its keys, then its values."""
    NAMED = b"n"
    """A dataclass, NamedTuple or enum: its wire name, version and body."""


BY_BYTES: Final = {tag.value: tag for tag in Tag}

UNREAD: Final = frozenset((list, dict, Tag, Timestamp))
"""What msgpack hands over that is not yet, or cannot be, a value of a user's."""
