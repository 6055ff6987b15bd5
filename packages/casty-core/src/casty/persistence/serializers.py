"""The serializers of one journal: those that write its events and snapshots, and those that have written others."""

from collections.abc import Callable, Mapping
from functools import cache, partial

from casty.config.schema import SerializationConfig
from casty.errors import DecodeError, PluginError
from casty.plugins.registry import PluginRegistry
from casty.plugins.serializers import Purpose, make_serializer
from casty.ref import DetachedRef
from casty.spi.journal import EventRecord, SnapshotRecord
from casty.spi.serializer import NamingSerializer, RefResolver, Serializer

type FindSerializer = Callable[[str], Serializer]
"""By its name. Raises `PluginError` where it is not installed."""


class Serializers:
    """Writes with the chosen serializers, and reads each record with the one that wrote it."""

    def __init__(self, events: Serializer, snapshots: Serializer | None = None, *, find: FindSerializer) -> None:
        self.events = events
        self.snapshots = events if snapshots is None else snapshots
        self._find = find
        self._others: dict[str, Serializer] = {}

    def with_own(self, serializer: Serializer) -> "Serializers":
        """The same, but for a journal that was given a serializer of its own."""
        return Serializers(serializer, find=self._find)

    def for_storing(self) -> "Serializers":
        """The same for a journal that outlives this program."""
        return Serializers(_for_storing(self.events), _for_storing(self.snapshots), find=self._find)

    def event(self, record: EventRecord) -> object:
        """Raises `DecodeError`, also where the serializer that wrote it is not installed."""
        reader = self.events if record.serializer == self.events.name else self._other(record.serializer)
        return reader.decode(record.manifest, record.version, record.payload)

    def state(self, record: SnapshotRecord) -> object:
        """Raises like `event`."""
        reader = self.snapshots if record.serializer == self.snapshots.name else self._other(record.serializer)
        return reader.decode(record.manifest, record.version, record.payload)

    def value(self, record: EventRecord | SnapshotRecord) -> object:
        """Raises like `event`."""
        return self.event(record) if isinstance(record, EventRecord) else self.state(record)

    def _other(self, name: str) -> Serializer:
        other = self._others.get(name)
        if other is None:
            try:
                other = self._others[name] = self._find(name)
            except PluginError as error:
                raise DecodeError(f"it was written with a serializer that is not here: {error}") from None
        return other


@cache
def default_serializers() -> Serializers:
    """Those of a journal that no actor system uses: msgpack, and whatever is installed."""
    # Here, so that a program with a serializer of its own never loads this one.
    from casty.serialization import MsgpackSerializer

    return Serializers(MsgpackSerializer(), find=_find_installed)


def configured_serializers(
    plugins: PluginRegistry,
    config: SerializationConfig,
    resolve_ref: RefResolver,
    bounds: Mapping[str, object] | None = None,
) -> Serializers:
    """Those that the configuration says, with the bounds of one journal. Raises `PluginError`."""
    make = partial(make_serializer, plugins, config, resolve_ref, over=bounds)
    return Serializers(
        make(purpose=Purpose.events),
        make(purpose=Purpose.snapshots),
        find=lambda name: make(name=name, purpose=Purpose.events),
    )


def _find_installed(name: str) -> Serializer:
    return make_serializer(PluginRegistry.discover(), SerializationConfig(), DetachedRef, name=name)


def _for_storing(serializer: Serializer) -> Serializer:
    return serializer.for_storing() if isinstance(serializer, NamingSerializer) else serializer
