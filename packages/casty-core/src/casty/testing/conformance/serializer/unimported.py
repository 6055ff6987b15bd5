"""A module that the conformance kit never imports: bytes that name its type must not load it either."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unimported:
    """Serializable, if its module were imported."""

    a: int = 0
