"""Changes of a copy as a replica may ask for them, drawn at random, and what a store gives back of them."""

from collections.abc import Iterator
from random import Random

from casty_cluster.protocol.replication.history import History
from casty_cluster.protocol.replication.stored import Change, Contents, StoreEntries, StorePromise, StoreSnapshot
from casty_cluster.replication.copy_store import CopyStore
from casty_cluster.wire.replication import Entry, Epoch, Fetch, FetchedSnapshot

from tests.cluster.protocol.replication.node import Disk, entries_in, state_after

E1, E2 = Epoch(1, 2**64 - 1), Epoch(2, 7)


def entries(*payloads: bytes, epoch: Epoch = E1) -> tuple[Entry, ...]:
    return tuple(Entry(epoch, payload) for payload in payloads)


def plain(contents: Contents) -> object:
    """What can be compared."""
    histories = {
        entity: (history.snapshot, [history.at(number) for number in range(history.last + 1)])
        for entity, history in contents.histories.items()
        if history.last
    }
    return contents.promised, contents.confirmed, contents.view, set(contents.lives.known), histories


def fetch(entity: str, after: int) -> Fetch:
    return Fetch(E2, entity, after)


async def read_all(store: CopyStore, entity: str) -> list[Entry]:
    """All events; those in a snapshot as `node.Disk` puts them there."""
    found: list[Entry] = []
    while True:
        fetched = await store.read(fetch(entity, len(found)))
        assert fetched.previous.sequence_nr == len(found)
        if isinstance(fetched, FetchedSnapshot):
            found = entries_in(StoreSnapshot(entity, fetched.lineage, fetched.state))
        elif fetched.entries:
            found += fetched.entries
        else:
            return found


def random_changes(random: Random, count: int) -> Iterator[Change]:
    """Epochs never fall within a history, and nothing is newer than the promise."""
    disk = Disk()
    for number in range(count):
        change = _random_change(random, disk, number)
        disk.apply(change)
        yield change


def _random_change(random: Random, disk: Disk, number: int) -> Change:
    entity = random.choice("xyz")
    entries_of, history = disk.entries.get(entity, []), disk.contents.histories.get(entity)
    if number % 5 == 0:
        return StorePromise(Epoch(number + 5, 1))
    if history is not None and history.last and random.random() < 0.2:
        last = random.randint(max(1, history.snapshot), history.last)
        return StoreSnapshot(entity, history.lineage(last), state_after(entries_of[:last]))
    if random.random() < 0.1:
        other = [Entry(Epoch(number + 1, 1), b"s%d" % n) for n in range(random.randint(1, 9))]
        return StoreSnapshot(entity, ((number + 1, 1, len(other)),), state_after(other))
    if random.random() < 0.1:
        return StoreEntries(entity, 0, ())
    return _random_entries(random, entity, history or History(), number)


def _random_entries(random: Random, entity: str, history: History, number: int) -> StoreEntries:
    after = random.randint(max(history.snapshot, history.last - 3), history.last)
    new = entries(*(f"{number}/{k}".encode() for k in range(random.randrange(4))), epoch=Epoch(number + 1, 0))
    return StoreEntries(entity, after, new)
