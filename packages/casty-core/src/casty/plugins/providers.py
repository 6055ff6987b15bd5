"""What hooks return: descriptions of backends. Making one imports nothing heavy; only `open` does."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from casty.spi import failure_detector, instrument, journal, serializer, transport


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
    """Transports of one or more URL schemes. `open(url, receiver, options)` yields a listening endpoint."""

    names: tuple[str, ...]
    open: Callable[[str, transport.FrameReceiver, Any], AbstractAsyncContextManager[transport.Transport]]
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
    """Failure detectors by name."""

    names: tuple[str, ...]
    create: Callable[[Any], failure_detector.FailureDetector]
    options: type = NoOptions
    spi: int = failure_detector.SPI


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentProvider:
    """An instrument that every system with its plugin installed uses."""

    names: tuple[str, ...]
    create: Callable[[Any], instrument.Instrument]
    options: type = NoOptions
    spi: int = instrument.SPI
