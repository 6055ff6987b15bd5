"""What hooks return: descriptions of backends. Making one imports nothing heavy; only `open` does.

Providers are generic in their options class, so that a type checker notices where `options` is another class than
`open` or `create` takes. They have no slots: early releases of Python 3.12 cannot make a frozen, slotted, generic value
by `JournalProvider[RedisOptions](...)`.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final

from casty.spi import (
    allocation,
    cluster_feature,
    codec,
    downing,
    failure_detector,
    instrument,
    journal,
    lease,
    serializer,
    transport,
)


@dataclass(frozen=True, slots=True)
class NoOptions:
    """For a backend that takes no options."""


_NO_OPTIONS: Final[Any] = NoOptions
"""The options of a provider that names none; `Any`, as its `open` or `create` says which type that has to be."""


_NO_PROTECTION: Final = transport.TransportCapabilities()


@dataclass(frozen=True, kw_only=True)
class JournalProvider[Options]:
    """Journals of one or more URL schemes. `open(url, options)` yields the store and closes it on exit."""

    names: tuple[str, ...]
    open: Callable[[str, Options], AbstractAsyncContextManager[journal.JournalStore]]
    capabilities: journal.JournalCapabilities
    options: type[Options] = _NO_OPTIONS
    spi: int = journal.SPI


@dataclass(frozen=True, kw_only=True)
class TransportProvider[Options]:
    """Transports of one or more URL schemes. `open(url, receiver, endpoint, options)` yields a listening endpoint."""

    names: tuple[str, ...]
    open: Callable[
        [str, transport.FrameReceiver, transport.Endpoint, Options], AbstractAsyncContextManager[transport.Transport]
    ]
    capabilities: transport.TransportCapabilities = _NO_PROTECTION
    """A node with a cookie or TLS is not started with a transport that does not say that it uses them."""
    options: type[Options] = _NO_OPTIONS
    spi: int = transport.SPI


@dataclass(frozen=True, kw_only=True)
class SerializerProvider[Options]:
    """Serializers by name. `create(resolve_ref, options)`; `resolve_ref` turns an address into a reference."""

    names: tuple[str, ...]
    create: Callable[[serializer.RefResolver, Options], serializer.Serializer]
    options: type[Options] = _NO_OPTIONS
    spi: int = serializer.SPI


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecProvider:
    """A codec for a type of another library, and for those derived from it.

    `for_type` is the class, or a text such as "numpy:ndarray" that spares importing it. `dump(value)` returns a value
    that a serializer can write, and `load(plain)` makes an instance of it again: for ever, of whatever `dump` has
    returned. `names[0]` is written beside it. With `by_class`, for libraries whose users derive classes, each class has
    a name of its own, as a dataclass has, and it is `load(cls, plain)`.

    Raises ValueError for a type that needs no codec.
    """

    names: tuple[str, ...]
    for_type: type | str
    dump: Callable[[Any], object]
    load: Callable[..., object]
    by_class: bool = False
    options: type = NoOptions
    spi: int = codec.SPI

    def __post_init__(self) -> None:
        if isinstance(self.for_type, str):
            if self.for_type.count(":") != 1:
                raise ValueError(f"the type of a codec is a class or a text 'module:QualName', not {self.for_type!r}")
        elif self.for_type in codec.WRITTEN_WITHOUT or self.for_type is object:
            raise ValueError(f"a {self.for_type.__name__} needs no codec, and would never be given to one")


@dataclass(frozen=True, kw_only=True)
class FailureDetectorProvider[Options]:
    """Failure detectors by name. `create(context, options)` is called once for each start of a node."""

    names: tuple[str, ...]
    create: Callable[[failure_detector.DetectorContext, Options], failure_detector.FailureDetector]
    options: type[Options] = _NO_OPTIONS
    spi: int = failure_detector.SPI


@dataclass(frozen=True, kw_only=True)
class DowningStrategyProvider[Options]:
    """Downing strategies by name. `create(options)`."""

    names: tuple[str, ...]
    create: Callable[[Options], downing.DowningStrategy]
    options: type[Options] = _NO_OPTIONS
    spi: int = downing.SPI


@dataclass(frozen=True, kw_only=True)
class AllocationStrategyProvider[Options]:
    """Allocation strategies by name. `create(options)` is called for each region, on each start of a node."""

    names: tuple[str, ...]
    create: Callable[[Options], allocation.AllocationStrategy]
    options: type[Options] = _NO_OPTIONS
    spi: int = allocation.SPI


@dataclass(frozen=True, kw_only=True)
class LeaseProvider[Options]:
    """Lease stores of one or more URL schemes. `open(url, options)` yields the store and closes it on exit."""

    names: tuple[str, ...]
    open: Callable[[str, Options], AbstractAsyncContextManager[lease.LeaseStore]]
    options: type[Options] = _NO_OPTIONS
    spi: int = lease.SPI


@dataclass(frozen=True, kw_only=True)
class InstrumentProvider[Options]:
    """An instrument that every system with its plugin installed uses."""

    names: tuple[str, ...]
    create: Callable[[Options], instrument.Instrument]
    options: type[Options] = _NO_OPTIONS
    spi: int = instrument.SPI


@dataclass(frozen=True, kw_only=True)
class ClusterFeatureProvider[Options]:
    """A feature that every node with its plugin installed has. `create(node, options)` is called for each start."""

    names: tuple[str, ...]
    create: Callable[[cluster_feature.ClusterNode, Options], cluster_feature.ClusterFeature]
    options: type[Options] = _NO_OPTIONS
    spi: int = cluster_feature.SPI
