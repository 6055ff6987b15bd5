"""The shards of one region that this node was granted: claims their fences, and starts and stops their entities.

It carries out what the owner's machine decides, one step of a shard after the other: no epoch of a shard is claimed
before the entities of the one before have ended.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextvars import copy_context
from typing import Any, Final, final

from casty.errors import FencedError
from casty.extension import Shards, Throttle
from casty.interruption import described, raise_unless_failure

from casty_cluster.protocol.sharding.effects import Claim, Drain, Halt, Run
from casty_cluster.protocol.sharding.inputs import Claimed, ClaimRefused, Drained
from casty_cluster.replication.region_copies import RegionCopies
from casty_cluster.wire.sharding import ShardCopies

logger = logging.getLogger("casty.sharding")

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
"""Seconds between two attempts to claim a fence, while the journal is away."""

type Outcome = Claimed | ClaimRefused | Drained
type Step = Callable[[], Coroutine[Any, Any, None]]


@final
class Hosting:
    """The shards of one region on one node."""

    def __init__(
        self,
        name: str,
        shards: Shards[Any],
        fence: Callable[[int, ShardCopies | None], Coroutine[Any, Any, None]],
        report: Callable[[Outcome], None],
        throttle: Throttle,
        copies: RegionCopies | None = None,
    ) -> None:
        """`fence` claims the fence of a shard at the epoch that it was granted at, and makes this node the primary of
        its copies, if it has any.
        """
        self._throttle = throttle
        self._name = name
        self._fence = fence
        self._shards = shards
        self._report = report
        self._copies = copies
        self._steps: dict[int, dict[asyncio.Task[None], bool]] = {}
        """The steps of each shard that have not ended, and whether a halt may cancel them."""
        self.delays: dict[int, str] = {}
        """What the last attempt to claim a fence has raised, by the shards that wait for the next one."""
        self._context = copy_context()

    def carry_out(self, effect: Claim | Run | Drain | Halt) -> None:
        match effect:
            case Claim(shard, epoch, copies):
                self._next(shard, lambda: self._claim(shard, epoch, copies))
            case Run(shard):
                self._shards.open(shard)
            case Drain(shard, epoch):
                self._next(shard, lambda: self._drain(shard, epoch))
            case Halt(shard, epoch, reason):
                self._abandon(shard, reason)
                self._next(shard, lambda: self._stop(shard, epoch), halts=True)

    def halt_all(self) -> None:
        """Stop everything: this node is no member any more."""
        for shard in {*self._steps, *self._shards.numbers}:
            self._abandon(shard, "this node is no member of its cluster any more")
            self._next(shard, lambda shard=shard: self._shards.close(shard), halts=True)

    async def close(self) -> None:
        """Cancel what has not ended: the actors of all shards have stopped."""
        steps = [step for steps in self._steps.values() for step in steps]
        for step in steps:
            step.cancel()
        await asyncio.gather(*steps, return_exceptions=True)

    def _abandon(self, shard: int, reason: str) -> None:
        """An entity does not end before it knows what became of its events: other nodes may not reply any more."""
        if self._copies is not None:
            self._copies.abandon(shard, reason)

    def _next(self, shard: int, step: Step, *, halts: bool = False) -> None:
        """Have the step follow all others of the shard; one that halts the shard cancels those that do not."""
        steps = self._steps.setdefault(shard, {})
        before = list(steps)
        for other in before if halts else ():
            if steps[other]:
                other.cancel()
        # A task's own constructor: an eager task factory would run the step before it is stored.
        task = asyncio.Task(
            self._after(before, step, shard),
            loop=asyncio.get_running_loop(),
            name=f"casty-shard-{self._name}-{shard}",
            context=self._context,
        )
        steps[task] = not halts
        task.add_done_callback(lambda ended: self._ended(shard, ended))

    async def _after(self, before: "Sequence[asyncio.Task[None]]", step: Step, shard: int) -> None:
        if before:
            await asyncio.wait(before)
        try:
            await step()
        except BaseException as error:
            raise_unless_failure(error, asyncio.current_task())
            logger.error("shard %d of %s: %s", shard, self._name, described(error), exc_info=error)

    def _ended(self, shard: int, task: "asyncio.Task[None]") -> None:
        steps = self._steps[shard]
        del steps[task]
        if not steps:
            del self._steps[shard]

    async def _claim(self, shard: int, epoch: int, copies: ShardCopies | None) -> None:
        try:
            self._report(await self._claimed(shard, epoch, copies))
        finally:
            self.delays.pop(shard, None)

    async def _claimed(self, shard: int, epoch: int, copies: ShardCopies | None) -> Claimed | ClaimRefused:
        """The outcome, however long the journal is away."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._fence(shard, copies)
            except FencedError as refused:
                held = epoch if refused.held is None else refused.held
                if held <= epoch:
                    await asyncio.sleep(pause)  # the next epoch is probably refused as well, and follows at once
                return ClaimRefused(shard, epoch, held)
            except BaseException as error:
                raise_unless_failure(error, asyncio.current_task())
                self.delays[shard] = described(error)
                if self._throttle.admits("claim"):
                    logger.warning(
                        "the fence of shard %d of %s cannot be claimed, which is tried again in %g s: %s",
                        shard,
                        self._name,
                        pause,
                        described(error),
                    )
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                return Claimed(shard, epoch)

    async def _drain(self, shard: int, epoch: int) -> None:
        entities = self._shards.get(shard)
        if entities is not None:
            await entities.drain()
        await self._shards.close(shard)
        if self._copies is not None:
            await self._copies.caught_up(shard)
        self._report(Drained(shard, epoch))

    async def _stop(self, shard: int, epoch: int) -> None:
        await self._shards.close(shard)
        self._report(Drained(shard, epoch))
