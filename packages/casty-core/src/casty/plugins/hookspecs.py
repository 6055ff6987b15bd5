"""The hooks through which a distribution adds backends to Casty: one hook for each kind of backend.

**A plugin is a module, named by an entry point of the group `casty`, that implements some of these hooks:**

    # pyproject.toml of the distribution "acme-casty-redis"
    [project]
    dependencies = ["casty-core"]
    [project.entry-points.casty]
    redis = "acme_casty_redis.plugin"

    # acme_casty_redis/plugin.py
    from casty.plugins import JournalProvider, hookimpl

    @hookimpl
    def casty_journals() -> list[JournalProvider[RedisOptions]]:
        return [JournalProvider(names=("redis",), open=open_redis, capabilities=..., options=RedisOptions)]

Once it is installed, `redis://…` is the URL of a journal. Casty's own backends come in the same way. Rules:

1. A hook takes no arguments, has no side effects, imports nothing heavy and returns a list of *providers*
   (`casty.plugins.providers`). It is called whenever a registry is made, also where its backend is not used.
2. A provider is a description: names, a function that makes the backend, a dataclass of its options, and the
   number of the contract that it was written for. Drivers and the like are imported inside that function.
3. Names are lower case, as in a URL's scheme: letters, digits, `+`, `.`, `-`, and a letter first.
4. Options arrive as an instance of the provider's `options` dataclass, built from the configuration's free
   table and checked against its annotations; `casty.plugins.options` lists the types that a field may have.
5. Contracts live in `casty.spi`, one module for each kind. A plugin imports public `casty.*` names only.
6. Nothing depends on the order of installation: where two plugins offer one name, using that name is an error
   that tells the user how to disable one of them.
7. A hook that the core does not know makes the whole plugin fail, so that a misspelt one is noticed. One that
   only newer cores call is marked `@hookimpl(optionalhook=True)`.

`casty plugins` shows what was found, and why something was not.
"""

from collections.abc import Sequence
from typing import Any

import pluggy

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

PROJECT = "casty"
"""The name of the pluggy project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def casty_journals() -> Sequence[JournalProvider[Any]]:  # pyright: ignore[reportReturnType]
    """Journals, chosen by their URL's scheme: `sqlite:///events.db`. Contract: `casty.spi.journal`."""


@hookspec
def casty_transports() -> Sequence[TransportProvider[Any]]:  # pyright: ignore[reportReturnType]
    """Transports, chosen by their URL's scheme: `inproc://node-1:0`. Contract: `casty.spi.transport`."""


@hookspec
def casty_serializers() -> Sequence[SerializerProvider[Any]]:  # pyright: ignore[reportReturnType]
    """Serializers, chosen by name, which travels with what they wrote. Contract: `casty.spi.serializer`."""


@hookspec
def casty_codecs() -> Sequence[CodecProvider]:  # pyright: ignore[reportReturnType]
    """Codecs, chosen by the type of a value, and by the name that it was written under. Contract: `casty.spi.codec`."""


@hookspec
def casty_failure_detectors() -> Sequence[FailureDetectorProvider[Any]]:  # pyright: ignore[reportReturnType]
    """Failure detectors, chosen by name. Contract: `casty.spi.failure_detector`."""


@hookspec
def casty_downing_strategies() -> Sequence[DowningStrategyProvider[Any]]:  # pyright: ignore[reportReturnType]
    """Downing strategies, chosen by name. Contract: `casty.spi.downing`."""


@hookspec
def casty_allocation_strategies() -> Sequence[AllocationStrategyProvider[Any]]:  # pyright: ignore[reportReturnType]
    """Allocation strategies of shards, chosen by name. Contract: `casty.spi.allocation`."""


@hookspec
def casty_leases() -> Sequence[LeaseProvider[Any]]:  # pyright: ignore[reportReturnType]
    """Lease stores, chosen by their URL's scheme: `postgresql://host/database`. Contract: `casty.spi.lease`."""


@hookspec
def casty_instruments() -> Sequence[InstrumentProvider[Any]]:  # pyright: ignore[reportReturnType]
    """Instruments, all of them: each is attached to every system. Contract: `casty.spi.instrument`."""


@hookspec
def casty_cluster_features() -> Sequence[ClusterFeatureProvider[Any]]:  # pyright: ignore[reportReturnType]
    """Features of a cluster, all of them: each node has each. Contract: `casty.spi.cluster_feature`."""
