"""What a copy keeps on its disk, and how that changes: each change is stored as a whole, in order, or not at all."""

from dataclasses import dataclass, field

from casty_cluster.protocol.replication.history import History
from casty_cluster.protocol.replication.lives import Lives
from casty_cluster.wire.replication import BEFORE, Entry, Epoch, KnownLives, Lineage, View


@dataclass(frozen=True, slots=True)
class StorePromise:
    """No lower epoch is obeyed any more."""

    epoch: Epoch


@dataclass(frozen=True, slots=True)
class StoreEntries:
    """Remove the events of the entity behind `after`, and append the entries. Events that a snapshot has replaced are
    removed only with all others.
    """

    entity: str
    after: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class StoreSnapshot:
    """Keep the state in place of the events of that lineage. Another history is removed first."""

    entity: str
    lineage: Lineage
    state: bytes


@dataclass(frozen=True, slots=True)
class StoreConfirmation:
    """All histories are those of the primary of this epoch."""

    epoch: Epoch


@dataclass(frozen=True, slots=True)
class StoreLives:
    """These starts of copies are known, of this one or others."""

    known: KnownLives


@dataclass(frozen=True, slots=True)
class StoreView:
    """This view keeps the shard."""

    view: View


type Change = StorePromise | StoreEntries | StoreSnapshot | StoreConfirmation | StoreView | StoreLives


@dataclass(slots=True)
class Contents:
    """All that a copy has stored, but for the events themselves. An empty disk has none of it."""

    promised: Epoch = BEFORE
    confirmed: Epoch = BEFORE
    view: View | None = None
    lives: Lives = field(default_factory=Lives)
    histories: dict[str, History] = field(default_factory=dict[str, History])

    def apply(self, change: Change) -> None:
        match change:
            case StorePromise(epoch):
                self.promised = epoch
            case StoreEntries(entity, after, entries):
                history = self.histories.setdefault(entity, History())
                history.cut(after)
                for entry in entries:
                    history.append(entry.epoch)
            case StoreSnapshot(entity, lineage):
                self.histories.setdefault(entity, History()).install(lineage)
            case StoreConfirmation(epoch):
                self.confirmed = epoch
            case StoreView(view):
                self.view = view
            case StoreLives(known):
                self.lives.add(known)

    def copy(self) -> "Contents":
        """The same, which changes on its own."""
        histories = {entity: history.copy() for entity, history in self.histories.items()}
        return Contents(self.promised, self.confirmed, self.view, Lives(self.lives.known), histories)

    def validate(self) -> None:
        newest = max((history.position.epoch for history in self.histories.values()), default=BEFORE)
        sealed = BEFORE if self.view is None else self.view.epoch
        assert max(newest, sealed, self.confirmed) <= self.promised, f"something is newer than {self.promised}"
        for history in self.histories.values():
            history.validate()
