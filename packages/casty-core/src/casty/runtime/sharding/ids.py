"""How the id of an entity becomes a shard, the name of an actor and a part of an address.

Two ids are the same only if all their characters are: Unicode normal forms of one text are different entities.
"""

import itertools
import re
from functools import lru_cache
from hashlib import md5
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

KEPT: Final = 16_384
"""Ids whose place is kept: an envelope brings its id with each message."""
LONGEST_NAME: Final = 255
ESCAPED: Final = re.compile(r"[%/\x00-\x1f\x7f]|^_")
"""What a name cannot hold, what escapes it, and what would make the name one of Casty's own."""
SHORTENED: Final = 200
ENTITY: Final = "_entity"
"""The last part but one of the path by which an entity is addressed, whichever its incarnation."""


class Place(NamedTuple):
    """What follows from an id alone."""

    hash: int
    """From which the shard is computed."""
    uid: int
    """In addresses: the same on all nodes and in all incarnations, as an entity is known by its id alone."""


@lru_cache(KEPT)
def place_of(entity_id: str) -> Place:
    """The place of a valid id, on any node and with any interpreter."""
    return _digest(entity_id)


def _digest(entity_id: str) -> Place:
    digest = md5(entity_id.encode(), usedforsecurity=False).digest()
    return Place(int.from_bytes(digest[:4]), int.from_bytes(digest[4:10]) | 1)


def shard_of(entity_id: str, num_shards: int) -> int:
    """The shard of an entity: the first four bytes of the MD5 of its id, big-endian, modulo the number of shards."""
    return place_of(entity_id).hash % num_shards


def daemon_id(number: int, count: int) -> str:
    """The id of one of `count` daemons: its number, and what puts it into the shard of that number, so that every shard
    has one of them.
    """
    attempts = (f"{number}.{attempt}" for attempt in itertools.count())
    return next(attempt for attempt in attempts if _digest(attempt)[0] % count == number)


def segment_of(entity_id: str) -> str:
    """The id as a part of a path: without slashes and control characters, and different for different ids."""
    return ESCAPED.sub(lambda found: quote(found[0], safe="").replace("_", "%5F"), entity_id)


def entity_path(region: str, entity_id: str) -> str:
    """The path in the address of an entity of the region at that path."""
    return f"{region}/{ENTITY}/{segment_of(entity_id)}"


def id_of(segment: str) -> str:
    """The inverse of `segment_of`."""
    return unquote(segment)


def name_of(entity_id: str) -> str:
    """The name of an entity's actor: that of a long id is shortened."""
    name = segment_of(entity_id)
    if len(name) <= LONGEST_NAME:
        return name
    # No other name holds "%~", as every "%" of an id is escaped.
    return f"{name[:SHORTENED]}%~{place_of(entity_id).uid:x}"
