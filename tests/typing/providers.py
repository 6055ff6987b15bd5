"""What type checkers must know of providers, and must reject: mypy and basedpyright both read this file in `.ci/run`.

An `ignore` that nothing needs is an error to both, so that a mistake which is no longer rejected is found as well.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import assert_type

from casty.plugins import (
    DowningStrategyProvider,
    FailureDetectorProvider,
    InstrumentProvider,
    JournalProvider,
    LeaseProvider,
    NoOptions,
    SerializerProvider,
    TransportProvider,
)
from casty.spi.downing import DowningStrategy
from casty.spi.failure_detector import DetectorContext, FailureDetector
from casty.spi.instrument import Instrument
from casty.spi.journal import JournalCapabilities, JournalStore
from casty.spi.lease import LeaseStore
from casty.spi.serializer import RefResolver, Serializer
from casty.spi.transport import Endpoint, FrameReceiver, Transport


@dataclass(frozen=True)
class Right:
    size: int = 1


@dataclass(frozen=True)
class Wrong:
    name: str = ""


def journal(url: str, options: Right) -> AbstractAsyncContextManager[JournalStore]:
    raise NotImplementedError


def simple(url: str, options: NoOptions) -> AbstractAsyncContextManager[JournalStore]:
    raise NotImplementedError


def transport(
    url: str, receiver: FrameReceiver, endpoint: Endpoint, options: Right
) -> AbstractAsyncContextManager[Transport]:
    raise NotImplementedError


def lease(url: str, options: Right) -> AbstractAsyncContextManager[LeaseStore]:
    raise NotImplementedError


def serializer(resolve: RefResolver, options: Right) -> Serializer:
    raise NotImplementedError


def detector(context: DetectorContext, options: Right) -> FailureDetector:
    raise NotImplementedError


def downing(options: Right) -> DowningStrategy:
    raise NotImplementedError


def instrument(options: Right) -> Instrument:
    raise NotImplementedError


NAMES = ("acme",)
PLAIN = JournalCapabilities(durable=False)


def right() -> list[JournalProvider[Right]]:
    provider = JournalProvider(names=NAMES, open=journal, capabilities=PLAIN, options=Right)
    assert_type(provider, JournalProvider[Right])
    JournalProvider(names=NAMES, open=simple, capabilities=PLAIN)
    return [provider]


def wrong_options() -> None:
    JournalProvider(names=NAMES, open=journal, capabilities=PLAIN, options=Wrong)  # type: ignore[arg-type]
    TransportProvider(names=NAMES, open=transport, options=Wrong)  # type: ignore[arg-type]
    LeaseProvider(names=NAMES, open=lease, options=Wrong)  # type: ignore[arg-type]
    SerializerProvider(names=NAMES, create=serializer, options=Wrong)  # type: ignore[arg-type]
    FailureDetectorProvider(names=NAMES, create=detector, options=Wrong)  # type: ignore[arg-type]
    DowningStrategyProvider(names=NAMES, create=downing, options=Wrong)  # type: ignore[arg-type]
    InstrumentProvider(names=NAMES, create=instrument, options=Wrong)  # type: ignore[arg-type]


def wrong_in_a_hook() -> list[JournalProvider[Right]]:
    return [JournalProvider(names=NAMES, open=journal, capabilities=PLAIN, options=Wrong)]  # type: ignore[arg-type]
