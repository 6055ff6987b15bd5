"""How much one value may take, as bytes and as objects. The same bounds hold for writing and for reading."""

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import Final

from casty.errors import EncodeError

DEEPEST: Final = 128
"""Every level costs a few frames of Python's stack and two levels of msgpack's, which ends at 511."""

MAX_COLLISIONS: Final = 1024
"""Keys of one hash cost quadratic time; so many are an attack, or as good as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one value. What is written within them can be read within them."""

    max_payload: int = 1024 * 1024
    """Bytes."""
    max_items: int = 128 * 1024
    """Elements, keys and values of all containers together: bounds the memory that few bytes can ask for."""
    max_depth: int = 64
    """Containers within containers; a dataclass counts as one."""

    def __post_init__(self) -> None:
        for name in ("max_payload", "max_items", "max_depth"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, not {getattr(self, name)}")
        if self.max_depth > DEEPEST:
            raise ValueError(f"max_depth is at most {DEEPEST}, not {self.max_depth}")


class TooDeepError(EncodeError):
    """A value that nests deeper than the bound, which a cycle always does."""

    def __init__(self, max_depth: int) -> None:
        super().__init__(
            f"it nests deeper than {max_depth} containers, or contains itself; "
            "flatten it, refer to its parts by id, or raise max_depth"
        )


def collide(keys: Collection[Hashable]) -> bool:
    """Whether so many of the keys share their hash that a set of them would take quadratic time."""
    return len(keys) > MAX_COLLISIONS and len(keys) - len(set(map(hash, keys))) > MAX_COLLISIONS
