"""What clients ask of a map, and what is stored of it. Keys and values are bytes: only clients know their types."""

from dataclasses import dataclass
from typing import Final

from casty.coordination.operations import Query
from casty.serialization import event, message

MISSING: Final = 0
"""The revision of a key that is not there."""


@dataclass(frozen=True, slots=True)
class OfMap:
    """What all commands say: into how many buckets the caller takes the map to be divided."""

    buckets: int


@message("casty.coordination.map.Divide")
@dataclass(frozen=True, slots=True)
class Divide(OfMap):
    """Sent to the first bucket before the first write: into how many the map is divided from now on."""


@message("casty.coordination.map.Division")
@dataclass(frozen=True, slots=True)
class Division(OfMap, Query):
    """Sent to the first bucket. Replies with whether the map is divided into these buckets already."""


@message("casty.coordination.map.Put")
@dataclass(frozen=True, slots=True)
class Put(OfMap):
    """Replies with the value before, None where there was none."""

    key: bytes
    value: bytes
    ttl: float | None = None


@message("casty.coordination.map.PutIfAbsent")
@dataclass(frozen=True, slots=True)
class PutIfAbsent(OfMap):
    """Replies with whether the key was missing."""

    key: bytes
    value: bytes
    ttl: float | None = None


@message("casty.coordination.map.CompareAndSet")
@dataclass(frozen=True, slots=True)
class CompareAndSet(OfMap):
    """Replies with whether the key was there with the expected value."""

    key: bytes
    expected: bytes
    value: bytes


@message("casty.coordination.map.Delete")
@dataclass(frozen=True, slots=True)
class Delete(OfMap):
    """Replies with whether the key was there."""

    key: bytes


@message("casty.coordination.map.Get")
@dataclass(frozen=True, slots=True)
class Get(OfMap, Query):
    """Replies with the value, None where there is none."""

    key: bytes


@message("casty.coordination.map.Page")
@dataclass(frozen=True, slots=True)
class Page(OfMap, Query):
    """Replies with the next items after a key, in the order of the keys' bytes."""

    after: bytes


@message("casty.coordination.map.Watch")
@dataclass(frozen=True, slots=True)
class Watch(OfMap, Query):
    """Replies with a `Seen` as soon as the key's revision is another than `seen`, `WAITING` after `wait` seconds."""

    key: bytes
    seen: int
    wait: float


@message("casty.coordination.map.Seen")
@dataclass(frozen=True, slots=True)
class Seen:
    """A value and its revision; None where the key is missing."""

    value: bytes | None
    revision: int


@event("casty.coordination.map.Divided")
@dataclass(frozen=True, slots=True)
class Divided:
    """The map is going to be used with that number of buckets."""

    buckets: int


@event("casty.coordination.map.Stored")
@dataclass(frozen=True, slots=True)
class Stored:
    """A key has a value."""

    buckets: int
    key: bytes
    value: bytes
    expires: float | None
    """By the wall clock."""
    replies_previous: bool
    """Whether the operation is one that replies with the value before."""
    ttl: float | None = None


@event("casty.coordination.map.Removed")
@dataclass(frozen=True, slots=True)
class Removed:
    """A key has been deleted, or its time to live is over."""

    key: bytes


@event("casty.coordination.map.Entry")
@dataclass(frozen=True, slots=True)
class Entry:
    value: bytes
    revision: int
    expires: float | None = None
    ttl: float | None = None
    """Seconds: its time to live ends no later than so long from now, however wrong a clock is."""


type Command = Divide | Division | Put | PutIfAbsent | CompareAndSet | Delete | Get | Page | Watch
type Fact = Divided | Stored | Removed
