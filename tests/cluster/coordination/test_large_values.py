"""The largest values that structures take travel between all nodes: what is larger is refused everywhere."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from casty.coordination import values
from casty.distributed import Distributed
from casty.errors import ArgumentError, EncodeError
from casty.extension import shard_of
from casty_cluster import DevelopmentCluster
from casty_cluster.sharding.feature import Sharding

LARGEST = b"x" * (2**20 - values.ROOM - 10)
"""Encoded, it and its header have all bytes that a value may have."""
NAME = "n" * 500


@pytest.fixture(params=["from the host", "from the other node", "from a client"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[str], tuple[Distributed, Distributed]]]:
    """For the id of an entity: the facade that writes to it, and the one that reads."""
    async with DevelopmentCluster(2) as cluster, cluster.client() as client:
        facades = [node.distributed() for node in cluster]

        def chosen(entity_id: str) -> tuple[Distributed, Distributed]:
            shard = shard_of(entity_id, 100)
            regions = [node.features.find(Sharding).regions["casty-distributed"] for node in cluster]
            host = 0 if regions[0].holding(shard) is not None else 1
            match request.param:
                case "from the host":
                    return facades[host], facades[1 - host]
                case "from the other node":
                    return facades[1 - host], facades[host]
                case _:
                    return client.distributed(), facades[1 - host]

        yield chosen


type Use = Callable[[Distributed, bytes], Awaitable[object]]

WRITES: dict[str, tuple[Use, Callable[[Distributed], Awaitable[object]]]] = {
    "queue": (
        lambda d, value: d.queue(NAME).enqueue(value, priority=2**60, delay=0.001),
        lambda d: d.queue(NAME).dequeue(wait=5.0),
    ),
    "register": (lambda d, value: d.register(NAME).set(value), lambda d: d.register(NAME).get()),
    "set": (lambda d, value: d.set(NAME).add(value), lambda d: anext(d.set(NAME).members())),
}


@pytest.mark.parametrize("kind", WRITES)
async def test_the_largest_value_travels_both_ways_and_one_byte_more_is_refused(
    kind: str, pair: Callable[[str], tuple[Distributed, Distributed]]
) -> None:
    write, read = WRITES[kind]
    entity_id = f"{kind}:{NAME}"
    await read_nothing(pair(entity_id)[0], kind)
    writer, reader = pair(entity_id)
    with pytest.raises(EncodeError, match=r"cannot take 1,047,5.. bytes in one operation"):
        await write(writer, LARGEST + b"x")
    await write(writer, LARGEST)
    assert await read(reader) == LARGEST


async def read_nothing(d: Distributed, kind: str) -> None:
    """Start the entity."""
    empty: dict[str, Callable[[], Awaitable[Any]]] = {
        "queue": d.queue(NAME).size,
        "register": d.register(NAME).get,
        "set": d.set(NAME).size,
    }
    assert not await empty[kind]()


@pytest.mark.parametrize("key_bytes", [1, 500_000, len(LARGEST) - 100])
async def test_the_largest_pair_of_a_map_travels(
    key_bytes: int, pair: Callable[[str], tuple[Distributed, Distributed]]
) -> None:
    key, value = LARGEST[10 : key_bytes + 10], LARGEST[key_bytes + 10 :]
    await pair("map:0:m")[0].map("m", shards=1).put("other", 1)
    writer, reader = (d.map("m", shards=1) for d in pair("map:0:m"))
    assert await writer.put(key, value) is None
    assert await reader.get(key) == value
    assert await reader.compare_and_set(key, value[:1], b"y") is False
    assert [item async for item in reader.items()] == [("other", 1), (key, value)]
    with pytest.raises(EncodeError, match="the map 'm' cannot take"):
        await writer.put(key, value + b"x" * 20)


async def test_a_large_item_that_another_node_cannot_read_is_put_back(
    pair: Callable[[str], tuple[Distributed, Distributed]],
) -> None:
    await read_nothing(pair(f"queue:{NAME}")[0], "queue")
    writer, reader = pair(f"queue:{NAME}")
    await writer.queue[bytes](NAME).enqueue(LARGEST, priority=2**60)
    with pytest.raises(ArgumentError, match="holds bytes where this program expects int"):
        await reader.queue[int](NAME).dequeue()
    with pytest.raises(ArgumentError, match="holds bytes where this program expects int"):
        await reader.queue[int](NAME).reserve()
    assert await writer.queue[bytes](NAME).dequeue() == LARGEST
