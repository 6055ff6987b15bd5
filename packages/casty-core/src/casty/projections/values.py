"""What users say to a projection and hear from it."""

from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b

from casty.errors import ArgumentError
from casty.quantities import check_count


class OnError(Enum):
    """What becomes of an event that its handler cannot handle, or that cannot be decoded.

    It is tried a second time, alone in its transaction, before it counts as failed: what failed with it was perhaps not
    its fault.
    """

    retry = "retry"
    """Again and again, with back-off. No event is missing from the rows, and none behind this one comes."""
    stop = "stop"
    """The projection stops and raises `ProjectionError`."""
    skip = "skip"
    """The event is logged as an error and left out."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One of `count` parts of a journal, numbered from 0: all events of about one in `count` entities."""

    number: int
    count: int

    def __post_init__(self) -> None:
        check_count(self.count, "count of Slice")
        check_count(self.number, "number of Slice", 0)
        if self.number >= self.count:
            raise ArgumentError(f"number of Slice is less than its count, {self.count}, and not {self.number}")

    def has(self, entity_id: str) -> bool:
        """Whether the events of the entity are in it: the same in every process."""
        digest = blake2b(entity_id.encode(errors="surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest) % self.count == self.number

    def name_of(self, projection: str) -> str:
        """The name under which the offset of the projection in this slice is kept."""
        return f"{projection}/{self.number}-of-{self.count}"


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a projection is behind its journal."""

    offsets: int
    """Between the projection and the end of the journal. No fewer than the events that it has yet to handle, and more
    where some of them have other tags, are deleted, or were never stored.
    """
    seconds: float
    """For how long the first event that it has yet to handle has been waiting, by the clock of that event's writer."""
