"""What the shell of sharding does for the protocol, each switched off in turn: a simulation that does not notice proves
nothing. The clauses of the machines themselves are those of `tests.cluster.protocol.sharding.ablations`.

`python -m tests.simulation.sharding.ablations` prints which seed notices each of them, and `... ablations 20 drain`
searches all scenarios for seeds that notice that one.
"""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final
from unittest.mock import patch

from casty.testing.simulation import Settings
from casty.testing.simulation.run import _run
from casty_cluster.protocol.sharding.coordinator import Coordinator
from casty_cluster.protocol.sharding.inputs import Claimed
from casty_cluster.sharding.feature import Sharding
from casty_cluster.sharding.fences import FencedLog, Fences
from casty_cluster.sharding.flights import Flights
from casty_cluster.sharding.hosting import Hosting
from casty_cluster.sharding.lane import EntityLane
from casty_cluster.wire.sharding import ShardCopies

from tests.simulation.sharding import test_ledger, test_moves, test_order, test_remembered

SCENARIOS: Final[dict[str, tuple[Callable[..., Any], Settings]]] = {
    "restarts": (test_moves.restart_in_turn, test_moves.UNEVEN),
    "moves": (test_moves.grow_and_shrink, test_moves.UNEVEN),
    "order": (test_order.survive, Settings()),
    "takeover": (test_order.take_over, Settings()),
    "ledger": (test_ledger.survive, Settings()),
    "remembered": (test_remembered.return_by_themselves, Settings()),
    "outage": (test_ledger.outage, Settings()),
}


def _nothing(*_: object) -> None:
    return None


def _no_effects(*_: object) -> list[Any]:
    return []


async def _at_once(*_: object) -> None:
    return None


def _late_bounces(self: EntityLane, peer: Any, frame: bytes) -> None:
    """A bounce takes its time, and the reply to a flush overtakes it."""
    asyncio.get_running_loop().call_later(0.1, _RETURNED, self, peer, frame)


async def _stop_without_draining(self: Hosting, shard: int, epoch: int) -> None:
    await self._stop(shard, epoch)


def _unfenced(self: Fences, make: Any) -> Any:
    return make


async def _claim_once(self: Hosting, shard: int, epoch: int, copies: ShardCopies | None) -> None:
    await self._fence(shard, copies)
    self._report(Claimed(shard, epoch))


_RETURNED = EntityLane._returned


ABLATIONS: Final[dict[str, tuple[Callable[[], AbstractContextManager[object]], str, int]]] = {
    "bounce": (lambda: patch.object(EntityLane, "_returned", _nothing), "restarts", 0),
    "flush_order": (lambda: patch.object(EntityLane, "_returned", _late_bounces), "restarts", 0),
    "drain": (lambda: patch.object(Hosting, "_drain", _stop_without_draining), "restarts", 87),
    "hand_off": (lambda: patch.object(Sharding, "_hand_off", _at_once), "restarts", 0),
    "quiesce": (lambda: patch.object(Sharding, "_quiesce", _at_once), "restarts", 42),
    "rebalance": (lambda: patch.object(Coordinator, "_rebalance", _no_effects), "moves", 0),
    "eager": (lambda: patch.object(Coordinator, "_learn_spawned", _no_effects), "remembered", 0),
    "lost_asks": (lambda: patch.object(Flights, "lose", _nothing), "takeover", 0),
    "halt_all": (lambda: patch.object(Hosting, "halt_all", _nothing), "order", 8),
    "fence": (lambda: patch.object(Fences, "_wrapped", _unfenced), "ledger", 0),
    "reads": (lambda: patch.object(FencedLog, "confirm", _at_once), "ledger", 140),
    "claim_again": (lambda: patch.object(Hosting, "_claim", _claim_once), "outage", 0),
}
"""How to switch a safeguard off, and a scenario and the first of the seeds that notice."""


def caught(name: str, scenario: str, seeds: range) -> tuple[int, str] | None:
    """The first seed that notices that this safeguard is off, and how; None: no seed does."""
    run, settings = SCENARIOS[scenario]
    with ABLATIONS[name][0]():
        for seed in seeds:
            error = _run(run, seed, settings).error
            if error is not None:
                return seed, f"{type(error).__name__}: {error}".splitlines()[0]
    return None


def search(count: int, names: list[str]) -> None:
    for name in names:
        for scenario in SCENARIOS:
            print(name, scenario, caught(name, scenario, range(count)), flush=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        search(int(sys.argv[1]), sys.argv[2:])
    else:
        for name, (_, noticed_by, first) in ABLATIONS.items():
            print(name, noticed_by, caught(name, noticed_by, range(first, first + 20)), flush=True)
