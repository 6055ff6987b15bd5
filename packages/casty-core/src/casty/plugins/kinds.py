"""The kinds of backends as data: what each is called, its hook, its provider, its contract's number."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from casty.plugins.providers import (
    FailureDetectorProvider,
    InstrumentProvider,
    JournalProvider,
    SerializerProvider,
    TransportProvider,
)
from casty.spi import failure_detector, instrument, journal, serializer, transport

type Provider = JournalProvider | TransportProvider | SerializerProvider | FailureDetectorProvider | InstrumentProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind[P: Provider]:
    """One kind of backend."""

    word: str
    """What messages and listings call it."""
    hook: str
    provider: type[P]
    spi: int
    """The number of the contract that this core speaks."""
    example: str = ""
    """A URL, for kinds that are chosen by one."""
    extras: Mapping[str, str] = field(default_factory=dict[str, str])
    """Well-known names that an extra of the distribution `casty` brings, for the hint in an error."""


JOURNAL = Kind(
    word="journal",
    hook="casty_journals",
    provider=JournalProvider,
    spi=journal.SPI,
    example="memory://",
    extras={"sqlite": "sqlite", "postgresql": "postgres", "postgres": "postgres"},
)
TRANSPORT = Kind(
    word="transport",
    hook="casty_transports",
    provider=TransportProvider,
    spi=transport.SPI,
    example="inproc://node-1:0",
)
SERIALIZER = Kind(word="serializer", hook="casty_serializers", provider=SerializerProvider, spi=serializer.SPI)
FAILURE_DETECTOR = Kind(
    word="failure detector",
    hook="casty_failure_detectors",
    provider=FailureDetectorProvider,
    spi=failure_detector.SPI,
)
INSTRUMENT = Kind(word="instrument", hook="casty_instruments", provider=InstrumentProvider, spi=instrument.SPI)

KINDS = (JOURNAL, TRANSPORT, SERIALIZER, FAILURE_DETECTOR, INSTRUMENT)
