"""What hooks return: descriptions of backends. Making one imports nothing heavy; only `open` does."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from casty.spi import downing, failure_detector, instrument, journal, lease, serializer, transport


@dataclass(frozen=True, slots=True)
class NoOptions:
    """For a backend that takes no options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalProvider:
    """Journals of one or more URL schemes. `open(url, options)` yields the store and closes it on exit."""

    names: tuple[str, ...]
    open: Callable[[str, Any], AbstractAsyncContextManager[journal.JournalStore]]
    capabilities: journal.JournalCapabilities
    options: type = NoOptions
    spi: int = journal.SPI


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportProvider:
    """Transports of one or more URL schemes. `open(url, receiver, endpoint, options)` yields a listening endpoint."""

    names: tuple[str, ...]
    open: Callable[
        [str, transport.FrameReceiver, transport.Endpoint, Any], AbstractAsyncContextManager[transport.Transport]
    ]
    options: type = NoOptions
    spi: int = transport.SPI


@dataclass(frozen=True, slots=True, kw_only=True)
class SerializerProvider:
    """Serializers by name. `create(resolve_ref, options)`; `resolve_ref` turns an address into a reference."""

    names: tuple[str, ...]
    create: Callable[[serializer.RefResolver, Any], serializer.Serializer]
    options: type = NoOptions
    spi: int = serializer.SPI


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureDetectorProvider:
    """Failure detectors by name. `create(context, options)` is called once for each start of a node."""

    names: tuple[str, ...]
    create: Callable[[failure_detector.DetectorContext, Any], failure_detector.FailureDetector]
    options: type = NoOptions
    spi: int = failure_detector.SPI


@dataclass(frozen=True, slots=True, kw_only=True)
class DowningStrategyProvider:
    """Downing strategies by name. `create(options)`."""

    names: tuple[str, ...]
    create: Callable[[Any], downing.DowningStrategy]
    options: type = NoOptions
    spi: int = downing.SPI


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseProvider:
    """Lease stores of one or more URL schemes. `open(url, options)` yields the store and closes it on exit."""

    names: tuple[str, ...]
    open: Callable[[str, Any], AbstractAsyncContextManager[lease.LeaseStore]]
    options: type = NoOptions
    spi: int = lease.SPI


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentProvider:
    """An instrument that every system with its plugin installed uses."""

    names: tuple[str, ...]
    create: Callable[[Any], instrument.Instrument]
    options: type = NoOptions
    spi: int = instrument.SPI
