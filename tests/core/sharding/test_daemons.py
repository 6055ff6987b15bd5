"""Daemons of a local system: always running, each once."""

from collections.abc import Callable
from typing import Any

import pytest
from casty import ActorContext, ActorFailedError, ActorRef, ActorSystem, Behavior, Behaviors, ShardEnvelope
from casty.runtime.sharding.ids import daemon_id, shard_of
from casty.runtime.sharding.standing import AGAIN_AFTER
from casty.testing import ManualClock, settle

from tests.core.runtime.stubborn import hasty_config


class Daemons:
    """A factory of daemons, and what became of them."""

    def __init__(self, *, fails: bool = False, stops: bool = False) -> None:
        self.started: list[int] = []
        self.stopped: list[int] = []
        self._fails, self._stops = fails, stops

    def __call__(self, number: int) -> Behavior[Any]:
        async def setup(_: ActorContext[Any]) -> Behavior[Any]:
            self.started.append(number)
            if self._fails:
                raise ValueError(number)
            return Behaviors.stopped() if self._stops else Behaviors.ignore()

        async def stop(_: ActorContext[Any]) -> None:
            self.stopped.append(number)

        return Behaviors.with_lifecycle(Behaviors.setup(setup), post_stop=stop)


def addressed(entity_id: str) -> Callable[[ActorRef[Any]], ShardEnvelope[Any]]:
    """Makes a message for the entity of that id."""
    return lambda reply_to: ShardEnvelope(entity_id, reply_to)


async def test_daemons_start_by_themselves_and_once(system: ActorSystem, clock: ManualClock) -> None:
    daemons = Daemons()
    system.spawn(Behaviors.daemons(daemons, 7), "daemons")
    await clock.advance(60.0)
    assert sorted(daemons.started) == list(range(7))


@pytest.mark.parametrize("how", ["fails", "stops"])
async def test_a_daemon_that_ends_starts_again(system: ActorSystem, clock: ManualClock, how: str) -> None:
    daemons = Daemons(**{how: True})
    system.spawn(Behaviors.daemons(daemons, 2), "daemons")
    await clock.advance(1.0)
    assert sorted(daemons.started) == [0, 1]
    await clock.advance(2 * AGAIN_AFTER)
    assert sorted(daemons.started) == [0, 0, 0, 1, 1, 1]


async def test_a_daemon_that_always_fails_restarts_at_its_pace(system: ActorSystem, clock: ManualClock) -> None:
    daemons = Daemons(fails=True)
    system.spawn(Behaviors.daemons(daemons, 1), "daemons")
    await clock.advance(20 * AGAIN_AFTER)
    assert len(daemons.started) <= 21


async def test_daemons_stop_with_their_system() -> None:
    daemons = Daemons()
    async with ActorSystem(config=hasty_config()) as system:
        system.spawn(Behaviors.daemons(daemons, 300), "daemons")
        await settle()
        while len(daemons.started) < 300:
            await settle()
    assert sorted(daemons.stopped) == list(range(300))


async def test_no_number_runs_twice_whatever_is_sent_to_the_region(
    system: ActorSystem, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    daemons = Daemons()
    region: Any = system.spawn(Behaviors.daemons(daemons, 3), "daemons")
    await clock.advance(1.0)
    for entity_id in ("1", "1.99", "garbage", "7.0"):
        with pytest.raises(ActorFailedError, match="there is no daemon"):
            await region.ask(addressed(entity_id))
    refused = caplog.text.count("there is no daemon")
    await clock.advance(5 * AGAIN_AFTER)
    assert sorted(daemons.started) == [0, 1, 2]
    assert caplog.text.count("there is no daemon") == refused


@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_each_shard_has_one_daemon(count: int) -> None:
    assert [shard_of(daemon_id(number, count), count) for number in range(count)] == list(range(count))
