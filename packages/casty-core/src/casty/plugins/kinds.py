"""The kinds of backends as data: what each is called, its hook, its provider, its contract's number."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from casty.plugins.providers import (
    AllocationStrategyProvider,
    ClusterFeatureProvider,
    CodecProvider,
    DowningStrategyProvider,
    FailureDetectorProvider,
    InstrumentProvider,
    JournalProvider,
    LeaseProvider,
    SerializerProvider,
    TransportProvider,
)
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

type Provider = (
    JournalProvider[Any]
    | TransportProvider[Any]
    | SerializerProvider[Any]
    | CodecProvider
    | FailureDetectorProvider[Any]
    | DowningStrategyProvider[Any]
    | AllocationStrategyProvider[Any]
    | LeaseProvider[Any]
    | InstrumentProvider[Any]
    | ClusterFeatureProvider[Any]
)


# Without slots: see `ShardEnvelope`.
@dataclass(frozen=True, kw_only=True)
class Kind[P: Provider]:
    """One kind of backend."""

    word: str
    """What messages and listings call it."""
    hook: str
    provider: type[P]
    contract: ModuleType
    """Of `casty.spi`; its `SPI` is the number that this core speaks."""
    example: str = ""
    """A URL, for kinds that are chosen by one."""
    extras: Mapping[str, str] = field(default_factory=dict[str, str])
    """Well-known names that an extra of the distribution `casty` brings, for the hint in an error."""
    uses_all: bool = False
    """Everything of this kind that is installed is used; nothing chooses one by its name."""

    @property
    def spi(self) -> int:
        return self.contract.SPI


_POSTGRES = {"postgresql": "postgres", "postgres": "postgres"}

JOURNAL = Kind[JournalProvider[Any]](
    word="journal",
    hook="casty_journals",
    provider=JournalProvider,
    contract=journal,
    example="memory://",
    extras={"sqlite": "sqlite", **_POSTGRES},
)
TRANSPORT = Kind[TransportProvider[Any]](
    word="transport",
    hook="casty_transports",
    provider=TransportProvider,
    contract=transport,
    example="inproc://node-1:0",
    extras={"tcp": "tcp", "tls": "tcp"},
)
SERIALIZER = Kind[SerializerProvider[Any]](
    word="serializer", hook="casty_serializers", provider=SerializerProvider, contract=serializer
)
CODEC = Kind(word="codec", hook="casty_codecs", provider=CodecProvider, contract=codec)
FAILURE_DETECTOR = Kind[FailureDetectorProvider[Any]](
    word="failure detector",
    hook="casty_failure_detectors",
    provider=FailureDetectorProvider,
    contract=failure_detector,
)
DOWNING_STRATEGY = Kind[DowningStrategyProvider[Any]](
    word="downing strategy",
    hook="casty_downing_strategies",
    provider=DowningStrategyProvider,
    contract=downing,
)
ALLOCATION_STRATEGY = Kind[AllocationStrategyProvider[Any]](
    word="allocation strategy",
    hook="casty_allocation_strategies",
    provider=AllocationStrategyProvider,
    contract=allocation,
)
LEASE = Kind[LeaseProvider[Any]](
    word="lease store",
    hook="casty_leases",
    provider=LeaseProvider,
    contract=lease,
    example="memory://",
    extras=_POSTGRES,
)
INSTRUMENT = Kind[InstrumentProvider[Any]](
    word="instrument", hook="casty_instruments", provider=InstrumentProvider, contract=instrument, uses_all=True
)
CLUSTER_FEATURE = Kind[ClusterFeatureProvider[Any]](
    word="cluster feature",
    hook="casty_cluster_features",
    provider=ClusterFeatureProvider,
    contract=cluster_feature,
    uses_all=True,
)

KINDS = (
    JOURNAL,
    TRANSPORT,
    SERIALIZER,
    CODEC,
    FAILURE_DETECTOR,
    DOWNING_STRATEGY,
    ALLOCATION_STRATEGY,
    LEASE,
    INSTRUMENT,
    CLUSTER_FEATURE,
)
