"""Offers Casty's failure detectors, downing strategies and allocation strategies, by name."""

from typing import Any

from casty.plugins import AllocationStrategyProvider, DowningStrategyProvider, FailureDetectorProvider, hookimpl


@hookimpl
def casty_failure_detectors() -> list[FailureDetectorProvider[Any]]:
    from casty_cluster.protocol.phi_accrual import PhiAccrualDetector, PhiAccrualOptions
    from casty_cluster.protocol.swim import SwimDetector, SwimOptions

    return [
        FailureDetectorProvider[PhiAccrualOptions](
            names=("phi-accrual",), create=PhiAccrualDetector, options=PhiAccrualOptions
        ),
        FailureDetectorProvider(names=("swim",), create=SwimDetector, options=SwimOptions),
    ]


@hookimpl
def casty_downing_strategies() -> list[DowningStrategyProvider[Any]]:
    from casty_cluster.protocol.downing import (
        DownAll,
        KeepMajority,
        KeepMajorityOptions,
        KeepOldest,
        KeepOldestOptions,
        LeaseMajority,
        LeaseMajorityOptions,
        StaticQuorum,
        StaticQuorumOptions,
    )

    return [
        DowningStrategyProvider[KeepMajorityOptions](
            names=("keep-majority",), create=KeepMajority, options=KeepMajorityOptions
        ),
        DowningStrategyProvider[StaticQuorumOptions](
            names=("static-quorum",), create=StaticQuorum, options=StaticQuorumOptions
        ),
        DowningStrategyProvider[KeepOldestOptions](
            names=("keep-oldest",), create=KeepOldest, options=KeepOldestOptions
        ),
        DowningStrategyProvider(names=("down-all",), create=lambda _: DownAll()),
        DowningStrategyProvider[LeaseMajorityOptions](
            names=("lease",), create=LeaseMajority, options=LeaseMajorityOptions
        ),
    ]


@hookimpl
def casty_allocation_strategies() -> list[AllocationStrategyProvider[Any]]:
    from casty_cluster.protocol.sharding.allocation import HashRing, HashRingOptions, LeastShards

    return [
        AllocationStrategyProvider(names=("least-shards",), create=lambda _: LeastShards()),
        AllocationStrategyProvider[HashRingOptions](
            names=("hash-ring",), create=lambda options: HashRing(options.virtual_nodes), options=HashRingOptions
        ),
    ]
